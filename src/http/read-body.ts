/**
 * Reads a JSON request body within its limit.
 */
import type { IncomingMessage } from 'node:http'
import { Data, Effect } from 'effect'
import { concatBytes, keepPiece } from '#domain/concat-bytes.ts'
import { type ErrorAnswer, errorAnswer } from '#domain/dialect/anthropic-error.ts'
import { inOneGo, type Steps } from '#domain/steps.ts'

/** The body is refused; `answer` says why. */
export class BodyRefused extends Data.TaggedError('BodyRefused')<{ readonly answer: ErrorAnswer }> {}

const refuse = (answer: ErrorAnswer) => Effect.fail(new BodyRefused({ answer }))

/** Above this a body is handled with care for those who wait. */
const LONG_BYTES = 256 * 1024

/** Does what a body needs: of a long one each step in a turn of the event loop of its own, so that others get theirs. */
export const inTurns = <A>(body: Uint8Array, steps: Steps<A>): Effect.Effect<A> =>
  body.length <= LONG_BYTES
    ? Effect.sync(() => inOneGo(steps))
    : Effect.callback<A>((resume) => {
        let next: NodeJS.Immediate | undefined
        const run = (): void => {
          const step = steps.next()
          if (step.done === true) resume(Effect.succeed(step.value))
          else next = setImmediate(run)
        }
        run()
        return Effect.sync(() => clearImmediate(next))
      })

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
      const chunks: Uint8Array[] = []
      let size = 0
      // Chunks of a long body are copied as they come: joining megabytes at the end would hold everybody up.
      const announced = Number(headers['content-length'] ?? 0)
      const whole = announced > LONG_BYTES ? Buffer.allocUnsafeSlow(announced) : undefined
      const onData = (chunk: Buffer): void => {
        if (whole !== undefined) chunk.copy(whole, size)
        else keepPiece(chunks, chunk)
        size += chunk.length
        if (size > limit) {
          stop()
          request.resume()
          resume(refuse(errorAnswer.tooLarge(limit)))
        }
      }
      const onEnd = (): void => {
        stop()
        const body = whole ?? concatBytes(chunks)
        if (size <= LONG_BYTES) resume(Effect.succeed(body))
        // Whoever reads it has much to do: others get their turn before.
        else setImmediate(() => resume(Effect.succeed(body)))
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
