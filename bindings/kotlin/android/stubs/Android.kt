@file:Suppress("unused", "UNUSED_PARAMETER", "MemberVisibilityCanBePrivate")

// As much of Android as src/main/kotlin names, so that the Kotlin compiler reads it on a machine without the SDK. Never run,
// never shipped: Gradle does not know this folder.
package android.content

import java.io.File

open class Context {
    val noBackupFilesDir: File get() = stub()
    val applicationContext: Context get() = stub()
    fun <T> getSystemService(service: Class<T>): T = stub()
}

internal fun stub(): Nothing = throw NotImplementedError("not Android")
