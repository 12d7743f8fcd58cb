package vn.gandan

import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.net.ServerSocket
import java.util.concurrent.ConcurrentLinkedQueue
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit

/** Errors, cancellation and callbacks at the border between the languages. */
class BorderTest {
    @Test
    fun `errors say what can be done and have codes`(): Unit = runBlocking {
        inFolder { folder ->
            GanDan.open(folder, { KEY }).use { client ->
                assertTrue(assertFails { client.createVisit { note = "x" } } is GandanException.EnrolAgain)
                assertEquals("bad_link", assertFails { client.enrol("https://x", false) }.code)
                assertEquals("insecure_link", assertFails { client.enrol("http://10.0.0.1/enrol#c", false) }.code)
                assertEquals("bad_id", assertFails { client.record("x", 1u) }.code)
                assertEquals("bad_date", assertFails { client.visits(VisitQuery(fromDay = "13/9"), Paging()) }.code)
                assertEquals("bad_cursor", assertFails { client.visits(VisitQuery(), Paging(after = "x")) }.code)
                val busy = assertFails { GanDan.open(folder, { KEY }) }
                assertEquals("busy", busy.code)
                assertTrue(busy is GandanException.RetryLater)
            }
            assertEquals("wrong_key", assertFails { GanDan.open(folder, { ByteArray(32) }) }.code)
            assertEquals("bad_key", assertFails { GanDan.open(folder, { ByteArray(16) }) }.code)
            val locked = assertFails { GanDan.open(folder, { throw IllegalStateException("the phone is locked") }) }
            assertEquals("key_unavailable", locked.code)
            assertTrue((locked as GandanException.RetryLater).detail.contains("locked"))
        }
    }

    @Test
    fun `an edit that is refused names its field`(): Unit = runBlocking {
        TestServer().use { server ->
            inFolder { folder ->
                device(server, folder, "CB-201").use { client ->
                    val error = assertFails { client.createVisit { note = "x"; this["counts.residents"] = -1 } }
                    assertEquals("counts.residents", (error as GandanException.FixInput).field)
                    assertEquals("out_of_range", error.code)
                    assertEquals(0uL, client.standing().visits, "nothing was written")
                }
            }
        }
    }

    @Test
    fun `a closed client says so`(): Unit = runBlocking {
        inFolder { folder ->
            val client = GanDan.open(folder, { KEY })
            assertTrue(client.shutdown())
            assertFalse(client.shutdown())
            assertEquals("closed", assertFails { client.standing() }.code)
            assertEquals("closed", assertFails { client.visitsFlow().first() }.code)
            // At once: the folder is free when shutdown returns.
            GanDan.open(folder, { KEY }).use { assertEquals(null, it.device()) }
        }
    }

    @Test
    fun `an exchange that is cancelled ends and leaves the client as it was`(): Unit = runBlocking {
        TestServer().use { server ->
            inFolder { folder ->
                device(server, folder, "CB-211").use { client ->
                    val id = client.createVisit { note = "Một" }.id
                    server.stop()
                    // In the server's place somebody who takes the connection and never answers.
                    ServerSocket(server.address.substringAfter(':').toInt()).use { silent ->
                        val reached = CountDownLatch(1)
                        val accepting = Thread { silent.accept().use { reached.countDown(); it.getInputStream().readAllBytes() } }
                        accepting.isDaemon = true
                        accepting.start()
                        val exchange = launch { client.sync() }
                        kotlinx.coroutines.yield()
                        assertTrue(kotlinx.coroutines.withContext(kotlinx.coroutines.Dispatchers.IO) { reached.await(60, TimeUnit.SECONDS) })
                        assertEquals("syncing", assertFails { client.sync() }.code)
                        withTimeout(60_000) { exchange.cancelAndJoin() }
                        assertTrue(exchange.isCancelled)
                    }
                    server.restart()
                    // The exchange has let go of the client when it has ended; until then another is told `syncing`.
                    withTimeout(60_000) { while (client.standing().syncing) kotlinx.coroutines.yield() }
                    client.sync()
                    assertEquals(RecordState.SYNCED, client.record(id, 1u).state)
                }
            }
        }
    }

    @Test
    fun `a listener that throws disturbs nobody and is logged`(): Unit = runBlocking {
        TestServer().use { server ->
            inFolder { folder ->
                val lines = ConcurrentLinkedQueue<LogLine>()
                val sink = object : LogSink {
                    override fun log(line: LogLine) { lines.add(line) }
                }
                setLog(LogLevel.DEBUG, sink)
                device(server, folder, "CB-221").use { client ->
                    val listener = object : ChangeListener {
                        override fun changed(ids: List<String>): Unit = throw IllegalStateException("broken listener")
                    }
                    val subscription = client.onChange(listener)
                    client.createVisit { note = "Ông Nguyễn Văn A ở thôn 3" }
                    client.sync { throw IllegalStateException("broken progress") }
                    assertTrue(lines.any { it.level == LogLevel.WARN && it.message.contains("broken listener") }, "$lines")
                    assertTrue(lines.any { it.message.contains("broken progress") }, "$lines")
                    assertFalse(lines.any { it.message.contains("Nguyễn") }, "no personal data in the log")
                    subscription.cancel()
                    lines.clear()
                    client.createVisit { note = "Hai" }
                    assertFalse(lines.any { it.message.contains("broken listener") })
                }
                setLog(LogLevel.ERROR, null)
            }
        }
    }

    @Test
    fun `the background follows the network`(): Unit = runBlocking {
        TestServer().use { server ->
            inFolder { folder ->
                device(server, folder, "CB-231").use { client ->
                    client.setConditions(Conditions(online = false))
                    client.createVisit { note = "Ngoại tuyến" }
                    client.backgroundSync(false).use { sync ->
                        var phase = sync.nextPhase()
                        while (phase !is SyncPhase.Offline) phase = withTimeout(60_000) { sync.nextPhase() }
                        assertEquals(1uL, client.standing().unsentChanges)
                        client.setConditions(Conditions(online = true, metered = true))
                        while (phase !is SyncPhase.Idle) phase = withTimeout(60_000) { sync.nextPhase() }
                        assertEquals(0uL, client.standing().unsentChanges)
                        assertTrue(client.budget().used > 0uL, "bytes on a metered network are counted")
                        client.setDailyBudget(1u)
                        client.createVisit { note = "Hết phần của hôm nay" }
                        while (phase !is SyncPhase.Failed) phase = withTimeout(60_000) { sync.nextPhase() }
                        assertEquals("budget_used", phase.code)
                        client.setConditions(Conditions(online = true, metered = false))
                        while (phase !is SyncPhase.Idle) phase = withTimeout(60_000) { sync.nextPhase() }
                        assertEquals(0uL, client.standing().unsentChanges)
                        client.shutdown()
                        while (phase != null) phase = withTimeout(60_000) { sync.nextPhase() }
                    }
                }
            }
        }
    }

    @Test
    fun `cancellation is not an outcome`() {
        val thrown = runCatching { runBlocking { outcome { throw CancellationException("enough") } } }
        assertTrue(thrown.exceptionOrNull() is CancellationException)
    }
}
