package vn.gandan

import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.channelFlow
import kotlinx.coroutines.flow.conflate
import kotlinx.coroutines.flow.flow
import java.nio.file.Path

/** Attaches a photograph, a PDF or a sound, by its bytes: no people in it, made smaller if it is large. */
public suspend fun Client.attach(visit: String, bytes: ByteArray): Attached = attach(visit, bytes, PhotoNote())

/** Attaches a file on this device; as `attach` with its bytes, and `file` if it cannot be read. */
public suspend fun Client.attach(visit: String, file: Path, note: PhotoNote = PhotoNote()): Attached =
    attachFile(visit, file.toString(), note)

/**
 * A photograph's bytes, from the server if they are not here; null if the server does not have them yet. Cancelled, it goes
 * on where it was the next time. [photosFlow] shows meanwhile how much has arrived.
 */
public suspend fun Client.fetchPhoto(visit: String, photo: String, thumbnail: Boolean = false): ByteArray? =
    fetchPhoto(visit, photo, thumbnail, null)

/**
 * The photographs of a visit and where each stands ([PhotoState]), and again with every piece of them that moves; as
 * [visitsFlow].
 */
public fun Client.photosFlow(visit: String): Flow<List<PhotoView>> = flow {
    livePhotos(visit).use { live -> repeatedly(live::next) { emit(it) } }
}

/**
 * Sends photographs that wait and gets thumbnails, after [sync]; [told] hears how far it has come, on a thread of the library.
 * Cancelling the coroutine gives it up; what has arrived is not sent again. `originals`: not only thumbnails.
 */
public suspend fun Client.syncFiles(originals: Boolean = true, told: (FilesProgress) -> Unit = {}): FilesMoved = syncFiles(
    originals,
    object : FilesListener {
        override fun progress(progress: FilesProgress) = told(progress)
    },
    null,
)

/**
 * As [syncFiles], as a flow: sends while it is collected, emits how far it has come, completes when there is nothing left to
 * move, and fails with what [syncFiles] throws. A slow collector sees the latest.
 */
public fun Client.sendingFiles(originals: Boolean = true): Flow<FilesProgress> = channelFlow {
    syncFiles(originals) { trySend(it) }
}.conflate()
