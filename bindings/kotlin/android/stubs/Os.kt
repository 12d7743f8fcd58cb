@file:Suppress("unused")

package android.os

class PowerManager {
    val isPowerSaveMode: Boolean get() = throw NotImplementedError("not Android")
}
