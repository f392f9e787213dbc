/**
 * Ids of requests: `req_` and 22 URL-safe characters, 128 random bits.
 */
import { randomBytes } from 'node:crypto'
import { type RequestId, requestId } from '#domain/ids.ts'

export const newRequestId = (): RequestId => requestId(`req_${randomBytes(16).toString('base64url')}`)
