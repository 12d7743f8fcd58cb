package vn.gandan

import kotlinx.coroutines.flow.drop
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.AfterAll
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.TestInstance
import java.nio.file.Files
import java.time.LocalDate

/** What an app does in a day, against a real server. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class DeviceTest {
    private val server = TestServer()

    @AfterAll
    fun stop() = server.close()

    @Test
    fun `a visit goes from one phone to another in the same process`(): Unit = runBlocking {
        inFolder { folder ->
            device(server, folder.resolve("a"), "CB-101").use { a ->
                device(server, folder.resolve("b"), "CB-102").use { b ->
                    val saved = a.createVisit {
                        plannedOn = LocalDate.of(2026, 9, 13)
                        placeName = "Thôn 1"
                        note = "Bà con nêu hai việc. Gọi 0912 345 678."
                        residents = 46
                        activities = listOf("listen")
                        this["team.CB-101"] = "lead"
                    }
                    assertEquals(listOf("phone_number"), saved.warnings.map { it.kind })
                    val issue = a.createIssue {
                        visit = saved.id
                        title = "Cống hỏng"
                        kind = "petition"
                        field = "land"
                    }
                    a.addCard(saved.id, "very_satisfied")
                    assertEquals(RecordState.SAVED, a.record(saved.id, 1u).state)

                    var told = 0
                    val report = a.sync { told += 1 }
                    assertEquals(0uL, report.waiting)
                    assertTrue(told > 0, "progress is told")
                    assertEquals(RecordState.SYNCED, a.record(saved.id, 1u).state)

                    b.sync()
                    val view = b.record(saved.id, 10u)
                    assertEquals(46L, view.visit?.residents?.effective)
                    assertEquals(1L, view.visit?.satisfaction?.verySatisfied)
                    assertEquals("CB-101", view.history.first().author)
                    assertEquals(listOf(issue.id), b.issues(IssueQuery(visit = saved.id), Paging()).items.map { it.id })
                    assertEquals(1, b.visits(VisitQuery(words = "thon 1"), Paging()).items.count { it.id == saved.id })
                }
            }
        }
    }

    @Test
    fun `two officials count differently and one of them decides`(): Unit = runBlocking {
        inFolder { folder ->
            device(server, folder.resolve("a"), "CB-111").use { a ->
                device(server, folder.resolve("b"), "CB-112").use { b ->
                    val id = a.createVisit { plannedOn = LocalDate.of(2026, 9, 20); residents = 40 }.id
                    a.sync()
                    b.sync()
                    b.edit(id) { residents = 55 }
                    b.sync()
                    a.sync()
                    val line = a.reviewFlow().first().items.single { it.id == id }
                    assertEquals("counts.residents", line.item.field)
                    assertEquals(listOf("CB-111", "CB-112"), line.item.values.map { it.by }.sorted())
                    a.resolve(id, line.item, FieldValue.Number(55))
                    assertEquals(55L, a.record(id, 1u).visit?.residents?.effective)
                    val stale = assertFails { a.resolve(id, line.item) }
                    assertTrue(stale.code in listOf("stale", "not_allowed"), stale.code)
                }
            }
        }
    }

    @Test
    fun `lists and standing are told again when they change`(): Unit = runBlocking {
        inFolder { folder ->
            device(server, folder, "CB-121").use { client ->
                val before = client.visitsFlow().first()
                val shown = client.standingFlow()
                assertEquals(before.items.size.toULong(), shown.first().visits)
                client.liveVisits(VisitQuery(), Paging()).use { live ->
                    assertEquals(before, live.next())
                    val id = client.createVisit { note = "Mới" }.id
                    val after = withTimeout(60_000) { live.next() }
                    assertTrue(after!!.items.any { it.id == id })
                    client.edit(id) { placeName = "Thôn 2" }
                    assertEquals("Thôn 2", live.next()!!.items.single { it.id == id }.placeName)
                    client.shutdown()
                    assertNull(live.next(), "a closed client has no more answers")
                }
            }
        }
    }

    @Test
    fun `drafts outlive the app and leave no trace until they are handed in`(): Unit = runBlocking {
        inFolder { folder ->
            val id = device(server, folder, "CB-131").use { client ->
                val id = client.draftVisit { note = "Dở dang" }
                client.draftVisit(id) { residents = 12 }
                id
            }
            GanDan.open(folder, { KEY }).use { client ->
                val draft = client.drafts(Paging()).items.single()
                assertEquals(listOf("note", "counts.residents"), draft.edits.map { it.field })
                assertEquals("not_found", assertFails { client.record(id, 1u) }.code)
                client.submitDraft(id)
                assertEquals(12L, client.record(id, 1u).visit?.residents?.effective)
                assertEquals(1, client.record(id, 10u).history.size, "one change")
                assertTrue(client.drafts(Paging()).items.isEmpty())
                assertFalse(client.discardDraft(id))
            }
        }
    }

    @Test
    fun `a phone that cannot reach its server gives what it has to another`(): Unit = runBlocking {
        inFolder { folder ->
            val file = folder.resolve("unsent.jsonl").toString()
            val id = device(server, folder.resolve("old"), "CB-141").use { old ->
                val id = old.createVisit { note = "Chưa gửi"; plannedOn = LocalDate.of(2026, 10, 4) }.id
                old.draftVisit { note = "Nháp" }
                assertEquals(1uL, old.exportUnsent(file).drafts)
                id
            }
            device(server, folder.resolve("new"), "CB-141").use { new ->
                new.sync()
                val rescued = new.importUnsent(file)
                assertEquals(Pair(1uL, 1uL), Pair(rescued.records, rescued.drafts))
                assertEquals(emptyList<BadLine>(), rescued.bad)
                assertEquals("Chưa gửi", new.record(id, 1u).visit?.note)
                assertEquals(0uL, new.sync().waiting)
                assertEquals(RecordState.SYNCED, new.record(id, 1u).state)
            }
            device(server, folder.resolve("other"), "CB-142").use { other ->
                assertEquals("not_yours", assertFails { other.importUnsent(file) }.code)
                other.sync()
                assertEquals("CB-141", other.record(id, 5u).history.single().author)
            }
        }
    }

    @Test
    fun `ten thousand visits are listed, searched and paged`(): Unit = runBlocking {
        inFolder { folder ->
            device(server, folder.resolve("device"), "CB-151").use { client ->
                val lines = Files.createTempFile("visits", ".jsonl")
                lines.toFile().printWriter().use { out -> repeat(10_000) { out.println(visitLine(it)) } }
                val report = client.importVisits(lines.toString())
                Files.delete(lines)
                assertEquals(Pair(10_000uL, emptyList<BadLine>()), Pair(report.saved, report.bad))
                assertEquals(10_000uL, client.standing().visits)
                val ids = client.allVisits().toList().map { it.id }
                assertEquals(10_000, ids.toSet().size)
                assertEquals(50, client.visits(VisitQuery(), Paging()).items.size)
                assertEquals(1, client.allVisits(VisitQuery(words = "thôn số 9876")).toList().size)
            }
        }
    }

    @Test
    fun `code and library of two builds do not work together`() {
        GanDan.requireSameBuild()
        val error = assertThrows(BuildMismatchError::class.java) { GanDan.requireSameBuild(code = "0.0.9+00") }
        assertTrue(error.message!!.contains("0.0.9+00"))
    }
}

/** The error that [block] fails with. */
suspend fun assertFails(block: suspend () -> Any?): GandanException = when (val outcome = outcome { block() }) {
    is Outcome.Failed -> outcome.error
    is Outcome.Done -> throw AssertionError("should have failed, gave ${outcome.value}")
}

fun visitLine(number: Int): String {
    val id = "%08x-0000-4000-8000-000000000000".format(number)
    val day = LocalDate.of(2026, 8, 2).plusDays((number % 100).toLong())
    return """{"schema":"visit-sample/1","synthetic":true,"seq":${number + 1},"visit_id":"$id",""" +
        """"programme":"sunday_with_people","unit_code":"${TestServer.UNIT}","place":{"kind":"thon","name":"Thôn số $number"},""" +
        """"planned_on":"$day","officials":[{"official_id":"CB-151","role":"lead"}],"activities":["listen"],""" +
        """"counts":{"residents":${number % 90}},"note":"Buổi làm việc thứ $number với bà con.","photos":[],"issues":[]}"""
}
