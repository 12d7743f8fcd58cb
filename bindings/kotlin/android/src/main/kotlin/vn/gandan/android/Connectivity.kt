package vn.gandan.android

import android.content.Context
import android.net.ConnectivityManager
import android.net.Network
import android.net.NetworkCapabilities
import android.os.PowerManager
import vn.gandan.Client
import vn.gandan.Conditions
import vn.gandan.GandanException

/**
 * Tells the client about network, price and battery until it is closed. Make one beside each client that the app holds open:
 *
 * ```
 * val connectivity = Connectivity(context, client)
 * client.syncing(live = true).collect { show(it) }
 * ```
 */
public class Connectivity(context: Context, private val client: Client) : AutoCloseable {
    private val manager = context.getSystemService(ConnectivityManager::class.java)
    private val power = context.getSystemService(PowerManager::class.java)

    private val callback = object : ConnectivityManager.NetworkCallback() {
        override fun onCapabilitiesChanged(network: Network, networkCapabilities: NetworkCapabilities) {
            // A network that a login page stands before is none yet.
            val online = networkCapabilities.hasCapability(NetworkCapabilities.NET_CAPABILITY_VALIDATED)
            val free = networkCapabilities.hasCapability(NetworkCapabilities.NET_CAPABILITY_NOT_METERED)
            tell(Conditions(online, !free, power.isPowerSaveMode))
        }

        override fun onLost(network: Network) {
            tell(Conditions(false, false, power.isPowerSaveMode))
        }
    }

    init {
        tell(Conditions(manager.activeNetwork != null, manager.isActiveNetworkMetered, power.isPowerSaveMode))
        manager.registerDefaultNetworkCallback(callback)
    }

    private fun tell(conditions: Conditions) {
        try {
            client.setConditions(conditions)
        } catch (_: GandanException) {
            // The client was closed; the callback is about to be unregistered.
        }
    }

    override fun close() {
        manager.unregisterNetworkCallback(callback)
    }
}
