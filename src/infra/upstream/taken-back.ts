/**
 * A token that has worked and is refused now was taken back, or ended before its time: the provider is as good as before, and the next
 * request brings a new one. Not so one that is refused when it is new: that is an account which needs a person.
 */
import type { UpstreamListener } from '#actors/ports.ts'
import type { FailureReason } from '#domain/failure.ts'

const EXPIRED: FailureReason = { _tag: 'Transport', code: 'CREDENTIAL_EXPIRED', connect: false }

/** Of tokens that are renewed every hour, no request is under way for longer than a few. */
const MOST_KEPT = 8

/** Wraps what listens to an exchange that carries `secret`; `abort` ends that exchange. */
export type WatchToken = (secret: string, listener: UpstreamListener, abort: () => void) => UpstreamListener

/** @param renew told of each value that was taken back: the next request is to have another one */
export const makeWatchToken = (renew: (secret: string) => void): WatchToken => {
  /** The newest last. */
  const lives = new Map<string, 'worked' | 'takenBack'>()
  return (secret, listener, abort) => {
    // Of many that are under way, all have sent it in good faith; who sends it again has nothing better.
    const inGoodFaith = lives.get(secret) !== 'takenBack'
    let isOver = false
    return {
      connected: () => listener.connected(),
      headers: (status, headers) => {
        const life = lives.get(secret)
        if (status === 401 && inGoodFaith && life !== undefined) {
          isOver = true
          if (life === 'worked') renew(secret)
          lives.set(secret, 'takenBack')
          abort()
          listener.fail(EXPIRED)
          return
        }
        if (status >= 200 && status < 300 && life === undefined) {
          lives.set(secret, 'worked')
          for (const oldest of lives.keys()) if (lives.size > MOST_KEPT) lives.delete(oldest)
        }
        listener.headers(status, headers)
      },
      data: (chunk) => isOver || listener.data(chunk),
      end: () => {
        if (!isOver) listener.end()
      },
      fail: (reason, answer) => {
        if (!isOver) listener.fail(reason, answer)
      },
    }
  }
}
