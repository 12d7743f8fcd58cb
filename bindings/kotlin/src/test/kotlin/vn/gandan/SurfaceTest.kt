package vn.gandan

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test
import java.io.File
import java.io.PrintWriter
import java.io.StringWriter
import java.util.spi.ToolProvider

/** What apps are compiled against, as text: a change of it is seen in review. */
class SurfaceTest {
    @Test
    fun `the surface is the one that was agreed`() {
        val classes = File(Client::class.java.protectionDomain.codeSource.location.toURI())
        val files = classes.walk().filter { it.extension == "class" && isOurs(it.nameWithoutExtension) }.sorted().toList()
        val golden = File(TestServer.ROOT, "bindings/kotlin/api.txt")
        val now = surface(files)
        if (System.getProperty("gandan.update.golden") == "1") golden.writeText(now)
        val hint = "if the change is meant: mvn test -Dtest=SurfaceTest -Dupdate.golden=1, and say in CHANGELOG.md what apps must do"
        assertEquals(golden.readText(), now, hint)
    }

    /** Not the machinery of the generated code. */
    private fun isOurs(name: String): Boolean =
        !name.contains("FfiConverter") && !name.contains("ffi", ignoreCase = true) && !name.contains("Uniffi", ignoreCase = true) &&
            name != "RustBuffer" && !name.startsWith("RustBuffer$") && !name.startsWith("JavaLangRef") &&
            !Regex(".*\\$\\d+.*").matches(name) && !name.contains("\$Companion\$") && name != "ForeignBytes"

    private val machinery =
        listOf("uniffi", "DefaultConstructorMarker", "Companion Companion;", "access\$", "callWithHandle", "NoHandle")

    private fun surface(files: List<File>): String {
        val javap = ToolProvider.findFirst("javap").get()
        val out = StringWriter()
        javap.run(PrintWriter(out), PrintWriter(System.err), *(listOf("-public") + files.map { it.path }).toTypedArray())
        val lines = out.toString().lines().map { it.trim() }
        return lines.filterNot { line ->
            line.isEmpty() || line.startsWith("Compiled from") || line == "static {};" ||
                machinery.any { line.contains(it, ignoreCase = true) } ||
                Regex("\\b(hashCode|toString|equals|component\\d+\\S*|copy\\S*)\\(").containsMatchIn(line)
        }.joinToString("\n", postfix = "\n").replace(Regex("public final class \\S+\\\$Companion \\{\n\\}\n"), "")
    }
}
