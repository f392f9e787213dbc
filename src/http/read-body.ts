/**
 * Reads a JSON request body within its limit.
 */
import type { IncomingMessage } from 'node:http'
import { Data, Effect } from 'effect'
import { type ErrorAnswer, errorAnswer } from '#domain/dialect/anthropic-error.ts'

/** The body is refused; `answer` says why. */
export class BodyRefused extends Data.TaggedError('BodyRefused')<{ readonly answer: ErrorAnswer }> {}

const refuse = (answer: ErrorAnswer) => Effect.fail(new BodyRefused({ answer }))

/**
 * @param limit bytes
 * @returns the whole body; fails with BodyRefused on a wrong type, an encoding or too many bytes. A client that goes away
 * while sending interrupts the fiber through its connection, so that is no failure here.
 */
export const readJsonBody = (request: IncomingMessage, limit: number): Effect.Effect<Uint8Array, BodyRefused> =>
  Effect.suspend(() => {
    const { headers } = request
    const type = headers['content-type']?.split(';')[0]?.trim().toLowerCase()
    if (type !== 'application/json') {
      return refuse(errorAnswer.unsupportedMediaType('Send the request with content-type: application/json.'))
    }
    if ((headers['content-encoding'] ?? 'identity').toLowerCase() !== 'identity') {
      return refuse(errorAnswer.unsupportedMediaType('Send the request body without content-encoding.'))
    }
    if (Number(headers['content-length'] ?? 0) > limit) return refuse(errorAnswer.tooLarge(limit))
    return Effect.callback<Uint8Array, BodyRefused>((resume) => {
      const chunks: Buffer[] = []
      let size = 0
      const onData = (chunk: Buffer): void => {
        size += chunk.length
        if (size > limit) {
          stop()
          request.resume()
          resume(refuse(errorAnswer.tooLarge(limit)))
          return
        }
        chunks.push(chunk)
      }
      const onEnd = (): void => {
        stop()
        const [only] = chunks
        resume(Effect.succeed(chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, size)))
      }
      const stop = (): void => {
        request.off('data', onData)
        request.off('end', onEnd)
      }
      request.on('data', onData)
      request.on('end', onEnd)
      return Effect.sync(stop)
    })
  })
