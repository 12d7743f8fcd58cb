package vn.gandan.android

import android.content.Context
import android.security.keystore.KeyGenParameterSpec
import android.security.keystore.KeyProperties
import java.io.File
import java.security.KeyStore
import java.security.SecureRandom
import javax.crypto.Cipher
import javax.crypto.KeyGenerator
import javax.crypto.SecretKey
import javax.crypto.spec.GCMParameterSpec

/**
 * The key of the database: 32 random bytes in a file of the app, wrapped by a key that never leaves the Keystore.
 *
 * ```
 * GanDan.open(folder, KeystoreKey(context)::read)
 * ```
 *
 * Exclude both the file and the database from backups (`android:dataExtractionRules`): the Keystore's key is not in them,
 * and a phone restored from one is another device.
 */
public class KeystoreKey(context: Context, private val alias: String = "gandan") {
    private val file = File(context.noBackupFilesDir, "$alias.key")

    /** The key; made the first time. Throws if the Keystore does not hand out its key, and the file is left as it is. */
    @Synchronized
    public fun read(): ByteArray {
        if (!file.exists()) write(ByteArray(KEY).also { SecureRandom().nextBytes(it) })
        val bytes = file.readBytes()
        val cipher = Cipher.getInstance(CIPHER)
        cipher.init(Cipher.DECRYPT_MODE, wrapping(), GCMParameterSpec(TAG, bytes, 0, NONCE))
        return cipher.doFinal(bytes, NONCE, bytes.size - NONCE)
    }

    private fun write(key: ByteArray) {
        val cipher = Cipher.getInstance(CIPHER)
        cipher.init(Cipher.ENCRYPT_MODE, wrapping())
        // Whole or not at all: half a key would be no key for ever.
        val aside = File(file.path + ".new")
        aside.outputStream().use { out ->
            out.write(cipher.iv + cipher.doFinal(key))
            out.fd.sync()
        }
        check(aside.renameTo(file)) { "the key cannot be written" }
    }

    private fun wrapping(): SecretKey {
        val store = KeyStore.getInstance(STORE).apply { load(null) }
        (store.getKey(alias, null) as? SecretKey)?.let { return it }
        val spec = KeyGenParameterSpec.Builder(alias, KeyProperties.PURPOSE_ENCRYPT or KeyProperties.PURPOSE_DECRYPT)
            .setBlockModes(KeyProperties.BLOCK_MODE_GCM)
            .setEncryptionPaddings(KeyProperties.ENCRYPTION_PADDING_NONE)
            .setKeySize(256)
            .build()
        return KeyGenerator.getInstance(KeyProperties.KEY_ALGORITHM_AES, STORE).apply { init(spec) }.generateKey()
    }

    private companion object {
        const val STORE = "AndroidKeyStore"
        const val CIPHER = "AES/GCM/NoPadding"
        const val KEY = 32
        const val NONCE = 12
        const val TAG = 128
    }
}
