package vn.gandan

import kotlinx.coroutines.async
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.map
import kotlinx.coroutines.flow.onEach
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.AfterAll
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.TestInstance
import java.awt.image.BufferedImage
import java.io.ByteArrayInputStream
import java.io.ByteArrayOutputStream
import java.nio.file.Files
import java.util.concurrent.CopyOnWriteArrayList
import javax.imageio.ImageIO
import kotlin.random.Random

/** Photographs: attached, shown while they move, fetched, taken away; against a real server. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class PhotoTest {
    private val server = TestServer()

    @AfterAll
    fun stop() = server.close()

    @Test
    fun `a photograph goes by bytes and by path and comes as it was`(): Unit = runBlocking {
        inFolder { folder ->
            device(server, folder.resolve("a"), "CB-401").use { a ->
                val visit = a.createVisit { note = "Có ảnh" }.id
                val byBytes = a.attach(visit, picture(1, 300, 200), PhotoNote(caption = "Cầu hỏng"))
                val file = folder.resolve("large.jpg")
                Files.write(file, picture(2, 900, 600))
                val byPath = a.attach(visit, file, PhotoNote(longestSide = 450u))
                assertEquals(Pair("image/jpeg", false), Pair(byPath.mime, byPath.drafted))
                val kept = a.photo(visit, byPath.photo, thumbnail = false)!!
                assertEquals(450, ImageIO.read(ByteArrayInputStream(kept)).width, "made smaller")
                assertEquals(setOf("Cầu hỏng", null), a.photos(visit).map { it.caption }.toSet())
                assertTrue(a.photos(visit).all { it.state == PhotoState.Waiting && it.originalHere && it.thumbnailHere })

                a.sync()
                val moved = a.syncFiles()
                assertEquals(listOf(4uL, 0uL, 0uL), listOf(moved.sent, moved.waiting, moved.refused))
                assertTrue(a.photos(visit).all { it.state == PhotoState.Sent })

                device(server, folder.resolve("b"), "CB-402").use { b ->
                    b.sync()
                    assertTrue(b.photos(visit).all { it.state == PhotoState.Elsewhere && !it.originalHere })
                    assertArrayEquals(kept, eventually { b.fetchPhoto(visit, byPath.photo) })
                    assertArrayEquals(
                        a.photo(visit, byBytes.photo, thumbnail = true),
                        eventually { b.fetchPhoto(visit, byBytes.photo, thumbnail = true) },
                    )
                    assertEquals(PhotoState.Sent, b.photos(visit).single { it.photo == byPath.photo }.state)
                }
            }
        }
    }

    @Test
    fun `what must not be attached is refused and leaves nothing`(): Unit = runBlocking {
        inFolder { folder ->
            device(server, folder, "CB-411").use { client ->
                val visit = client.createVisit { note = "Không có ảnh" }.id
                assertEquals("attachment_unknown_kind", assertFails { client.attach(visit, "no picture".toByteArray()) }.code)
                assertEquals("file", assertFails { client.attach(visit, folder.resolve("nowhere.jpg")) }.code)
                val unasked = PhotoNote(peopleVisible = "identifiable")
                assertEquals("photo_needs_consent", assertFails { client.attach(visit, picture(1, 30, 20), unasked) }.code)
                assertEquals("not_found", assertFails { client.photos("00000001-0000-4000-8000-000000000000") }.code)
                assertEquals(emptyList<PhotoView>(), client.photos(visit))
                client.attach(visit, picture(1, 30, 20), PhotoNote(peopleVisible = "identifiable", consent = "given"))
                assertEquals(1, client.photos(visit).size)
            }
        }
    }

    @Test
    fun `a metered network carries thumbnails, and the original when it costs nothing`(): Unit = runBlocking {
        inFolder { folder ->
            device(server, folder.resolve("a"), "CB-421").use { a ->
                a.setConditions(Conditions(online = true, metered = true))
                val visit = a.createVisit { note = "Ngoài đồng" }.id
                val photo = a.attach(visit, picture(3, 900, 900), PhotoNote(longestSide = 0u)).photo
                val states = CopyOnWriteArrayList<PhotoState>()
                val shown = async { a.photosFlow(visit).map { it.single().state }.onEach(states::add).first { it == PhotoState.Sent } }
                val phases = CopyOnWriteArrayList<SyncPhase>()
                val background = launch { a.syncing().collect(phases::add) }
                withTimeout(60_000) { a.photosFlow(visit).first { it.single().state == PhotoState.ThumbnailSent } }
                val thumbnails = a.budget().used
                assertTrue(thumbnails > 0uL)

                device(server, folder.resolve("b"), "CB-422").use { b ->
                    b.sync()
                    eventually { b.fetchPhoto(visit, photo, thumbnail = true) }
                    assertNull(b.fetchPhoto(visit, photo), "the original is not with the server")
                }

                a.setConditions(Conditions(online = true, metered = false))
                withTimeout(60_000) { shown.await() }
                assertTrue(phases.any { it is SyncPhase.Files }, "$phases")
                assertTrue(states.first() in listOf(PhotoState.Waiting, PhotoState.ThumbnailSent), "$states")
                assertFalse(states.dropLast(1).contains(PhotoState.Sent), "$states")
                withTimeout(60_000) { background.cancelAndJoin() }
            }
        }
    }

    @Test
    fun `sending tells how far it is and can be given up`(): Unit = runBlocking {
        inFolder { folder ->
            device(server, folder, "CB-431").use { client ->
                val visit = client.createVisit { note = "Ảnh lớn" }.id
                val attached = client.attach(visit, picture(4, 1_100, 1_100), PhotoNote(longestSide = 0u))
                client.sync()
                // Held up in the middle of the original, by a listener that waits until the coroutine was cancelled.
                val (reached, goOn) = Pair(Channel<PhotoState>(Channel.UNLIMITED), Channel<Unit>(1))
                val sending = launch {
                    client.syncFiles {
                        runBlocking {
                            val state = client.photos(visit).single().state
                            if (state is PhotoState.Sending && state.sent > 0uL) {
                                reached.send(state)
                                goOn.receive()
                            }
                        }
                    }
                }
                val state = withTimeout(60_000) { reached.receive() } as PhotoState.Sending
                assertEquals(attached.bytes, state.total)
                assertTrue(state.sent < state.total, "$state")
                // Given up while the listener still holds the transfer up: nothing more may be sent.
                withTimeout(60_000) { sending.cancelAndJoin() }
                goOn.send(Unit)
                assertTrue(sending.isCancelled)
                withTimeout(60_000) { client.photosFlow(visit).first { it.single().state == PhotoState.ThumbnailSent } }

                val progress = client.sendingFiles().toList()
                assertEquals(PhotoState.Sent, client.photos(visit).single().state)
                val last = progress.last()
                assertEquals(Pair(1uL, attached.bytes), Pair(last.filesSent, last.bytesSent))
            }
        }
    }

    @Test
    fun `a photograph that is taken away leaves every device`(): Unit = runBlocking {
        inFolder { folder ->
            device(server, folder.resolve("a"), "CB-441").use { a ->
                device(server, folder.resolve("b"), "CB-442").use { b ->
                    val draft = a.draftVisit { note = "Nháp có ảnh" }
                    val gone = a.attach(draft, picture(5, 60, 40))
                    val photo = a.attach(draft, picture(6, 40, 60)).photo
                    assertTrue(gone.drafted && a.photos(draft).all { it.state == PhotoState.Drafted })
                    a.removePhoto(draft, gone.photo)
                    assertEquals(listOf(photo), a.photos(draft).map { it.photo })
                    a.submitDraft(draft)
                    a.sync()
                    a.syncFiles()
                    b.sync()
                    eventually { b.fetchPhoto(draft, photo) }

                    a.removePhoto(draft, photo)
                    assertEquals("not_found", assertFails { a.photo(draft, photo, thumbnail = false) }.code)
                    a.sync()
                    b.sync()
                    assertEquals(emptyList<PhotoView>(), b.photos(draft))
                    assertEquals("not_found", assertFails { b.fetchPhoto(draft, photo) }.code)
                }
            }
        }
    }
}

/** The server gives a file once its lists know the record: asks until it does. */
private suspend fun <T : Any> eventually(ask: suspend () -> T?): T = withTimeout(120_000) {
    var answer = ask()
    while (answer == null) {
        delay(50)
        answer = ask()
    }
    answer
}

/** A JPEG that does not compress well: a byte and more a pixel. */
private fun picture(seed: Int, width: Int, height: Int): ByteArray {
    val random = Random(seed)
    val image = BufferedImage(width, height, BufferedImage.TYPE_INT_RGB)
    for (x in 0 until width) for (y in 0 until height) image.setRGB(x, y, random.nextInt(0xffffff))
    return ByteArrayOutputStream().also { check(ImageIO.write(image, "jpg", it)) }.toByteArray()
}
