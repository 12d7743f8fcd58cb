package vn.gandan

import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.withContext
import java.nio.file.Path

/** Code and library were taken from two builds: an error of packaging, for developers. */
public class BuildMismatchError(message: String) : LinkageError(message)

/**
 * Where it begins.
 *
 * ```
 * val client = GanDan.open(folder, key)
 * client.use {
 *     client.enrol("https://gandan.example/enrol#CODE", allowInsecure = false)
 *     val saved = client.createVisit { note = "Bà con nêu hai việc."; residents = 46 }
 *     client.sync()
 * }
 * ```
 */
public object GanDan {
    /**
     * Opens a device's folder, which is made if it is not there.
     *
     * @param key hands out the 32 bytes that the database is encrypted with; asked once, on a thread of the library. On
     *   Android it unwraps them with a key of the Keystore.
     * @param trustedCertificates certificates in PEM form: only servers certified by one of these are trusted then.
     * @throws GandanException.FixInput `wrong_key`; [GandanException.RetryLater] `busy` if it is open elsewhere, and
     *   `key_unavailable` if [key] throws; [GandanException.FreeSpace], [GandanException.UpdateApp].
     * @throws BuildMismatchError if this code and the library are not of one build.
     */
    public suspend fun open(folder: Path, key: () -> ByteArray, trustedCertificates: ByteArray? = null): Client {
        requireSameBuild()
        val keys = object : KeyProvider {
            override fun databaseKey(): ByteArray = try {
                key()
            } catch (@Suppress("TooGenericExceptionCaught") failure: Exception) {
                throw CallbackException.Failed(failure.message ?: failure.javaClass.simpleName)
            }
        }
        return Client.open(folder.toString(), keys, OpenOptions(trustedCertificates))
    }

    /** Fails unless this code was generated for the library that was loaded. */
    internal fun requireSameBuild(library: String = buildId(), code: String = GENERATED_FOR) {
        if (library != code) {
            throw BuildMismatchError(
                "the library is build $library and the code around it $code: take both from one build of gandan",
            )
        }
    }
}

/**
 * Runs [block] and closes the client, whatever happens: exchanges end, what is being saved is saved, the database is closed.
 */
public suspend inline fun <R> Client.use(block: (Client) -> R): R = try {
    block(this)
} finally {
    closeFully()
}

/** Closes the client even while the coroutine is being cancelled, and lets go of it. */
public suspend fun Client.closeFully() {
    withContext(NonCancellable) { shutdown() }
    destroy()
}

/** Exchanges everything with the server now; [told] hears how far it has come, on a thread of the library. */
public suspend fun Client.sync(told: (Progress) -> Unit = {}): SyncReport = sync(
    object : ProgressListener {
        override fun progress(progress: Progress) = told(progress)
    },
    null,
)
