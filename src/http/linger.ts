/**
 * The end of an answer to a client that is still sending. To close the connection then would be to take the answer away: what
 * it goes on to send is answered by a reset, which makes it drop what it has not read yet (RFC 9112, 9.6). So the whole answer
 * goes out, and what comes is read and dropped until the client is done, or has had its time.
 */
import type { ServerResponse } from 'node:http'

/** 32 MB at 10 Mbit/s; nginx gives as long. */
const LINGER_MS = 30_000

export const isStillSending = ({ req }: ServerResponse): boolean =>
  !req.complete && (req.headers['content-length'] !== undefined || req.headers['transfer-encoding'] !== undefined)

/** Ends a response of which every byte has been written, once that takes nothing away. */
export const endGently = (response: ServerResponse): void => {
  const { req } = response
  const end = (): void => {
    clearTimeout(late)
    req.off('end', end)
    response.end()
  }
  const late = setTimeout(end, LINGER_MS).unref()
  req.once('end', end)
  response.once('close', () => clearTimeout(late))
  req.resume()
}
