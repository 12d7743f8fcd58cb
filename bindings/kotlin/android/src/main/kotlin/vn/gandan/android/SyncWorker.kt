package vn.gandan.android

import android.content.Context
import androidx.work.BackoffPolicy
import androidx.work.Constraints
import androidx.work.CoroutineWorker
import androidx.work.ExistingPeriodicWorkPolicy
import androidx.work.NetworkType
import androidx.work.PeriodicWorkRequest
import androidx.work.WorkManager
import androidx.work.WorkerParameters
import kotlinx.coroutines.flow.first
import vn.gandan.Client
import vn.gandan.GandanException
import vn.gandan.SyncPhase
import vn.gandan.syncing
import vn.gandan.use
import java.time.Duration

/** How a worker comes to the app's client. The application implements it. */
public interface GanDanApp {
    /** Opens the client, or gives the one that is open: then with `owned` false, and the worker leaves it open. */
    public suspend fun gandan(): Opened

    /** A client, and whether whoever asked for it has to close it. */
    public class Opened(public val client: Client, public val owned: Boolean)
}

/**
 * Syncs while nobody looks: every few hours, when there is a network and the battery is not low. Records, then thumbnails, then
 * original photographs if the network costs nothing; within the daily budget if it does.
 */
public class SyncWorker(context: Context, parameters: WorkerParameters) : CoroutineWorker(context, parameters) {
    override suspend fun doWork(): Result {
        val app = applicationContext as? GanDanApp ?: return Result.failure()
        return try {
            val opened = app.gandan()
            if (opened.owned) opened.client.use { exchange(it) } else exchange(opened.client)
        } catch (_: GandanException.RetryLater) {
            Result.retry()
        } catch (_: GandanException) {
            // A person has to do something; the app says so when it is opened.
            Result.failure()
        }
    }

    private suspend fun exchange(client: Client): Result {
        val ended = Connectivity(applicationContext, client).use {
            client.syncing().first { it is SyncPhase.Idle || it is SyncPhase.Failed || it is SyncPhase.Offline }
        }
        return when (ended) {
            is SyncPhase.Idle -> Result.success()
            is SyncPhase.Failed if ended.remedy != "retry_later" -> Result.failure()
            else -> Result.retry()
        }
    }

    public companion object {
        /** Plans it. Again is nothing. */
        public fun plan(context: Context, every: Duration = Duration.ofHours(4)) {
            val constraints = Constraints.Builder()
                .setRequiredNetworkType(NetworkType.CONNECTED)
                .setRequiresBatteryNotLow(true)
                .build()
            val request = PeriodicWorkRequest.Builder(SyncWorker::class.java, every)
                .setConstraints(constraints)
                .setBackoffCriteria(BackoffPolicy.EXPONENTIAL, Duration.ofMinutes(1))
                .build()
            WorkManager.getInstance(context)
                .enqueueUniquePeriodicWork("gandan-sync", ExistingPeriodicWorkPolicy.KEEP, request)
        }
    }
}
