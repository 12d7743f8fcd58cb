// Lines of the units, if the province supplied them.
import { api, body } from './client.ts';
import { ApiError } from './errors.ts';

/** The boundaries as GeoJSON (WGS 84); null if there are none. */
export async function borders(): Promise<GeoJSON.FeatureCollection | null> {
  try {
    return (await body(api.GET('/api/v1/map/boundaries'))) as unknown as GeoJSON.FeatureCollection;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}
