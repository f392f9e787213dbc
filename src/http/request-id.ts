/**
 * Ids of requests: `req_` and 22 URL-safe characters, 128 random bits.
 */
import { randomFillSync } from 'node:crypto'
import { type RequestId, requestId } from '#domain/ids.ts'

const ID_BYTES = 16
/** One call for many ids: a call costs as much as the bytes of fifty. */
const pool = Buffer.allocUnsafe(256 * ID_BYTES)
let used = pool.length

export const newRequestId = (): RequestId => {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  used += ID_BYTES
  return requestId(`req_${pool.toString('base64url', used - ID_BYTES, used)}`)
}
