package vn.gandan.examples

import kotlinx.coroutines.flow.first
import kotlinx.coroutines.runBlocking
import vn.gandan.GanDan
import vn.gandan.Outcome
import vn.gandan.PhotoNote
import vn.gandan.attach
import vn.gandan.createIssue
import vn.gandan.createVisit
import vn.gandan.outcome
import vn.gandan.sendingFiles
import vn.gandan.standingFlow
import vn.gandan.sync
import vn.gandan.use
import java.nio.file.Path
import java.time.LocalDate

/** Records a visit with one issue and sends it: `Example FOLDER LINK [PICTURE]`. The key is a file's; on a phone it is not. */
fun main(args: Array<String>): Unit = runBlocking {
    val (folder, link) = args
    val key = Path.of(folder, "key").toFile()
    if (!key.exists()) {
        key.parentFile.mkdirs()
        key.writeBytes(java.security.SecureRandom().generateSeed(32))
    }
    GanDan.open(Path.of(folder, "device"), { key.readBytes() }).use { client ->
        if (client.device() == null) println("thiết bị của ${client.enrol(link, false).name}")
        val visit = client.createVisit {
            plannedOn = LocalDate.now()
            placeName = "Thôn 1"
            note = "Bà con nêu việc cống hỏng."
            residents = 46
        }
        client.createIssue {
            this.visit = visit.id
            title = "Cống hỏng trước nhà sinh hoạt cộng đồng"
        }
        args.getOrNull(2)?.let { client.attach(visit.id, Path.of(it), PhotoNote(caption = "Cống hỏng")) }
        when (val synced = outcome { client.sync() }) {
            is Outcome.Done -> {
                println("đã gửi ${synced.value.pushed} thay đổi, nhận ${synced.value.pulled}")
                client.sendingFiles().collect { println("ảnh: đã gửi ${it.bytesSent} / ${it.bytesToSend} byte") }
            }
            is Outcome.Failed -> println("chưa gửi được, dữ liệu vẫn an toàn trong máy: ${synced.error.message}")
        }
        println("còn chờ gửi: ${client.standingFlow().first().unsentChanges}")
    }
}
