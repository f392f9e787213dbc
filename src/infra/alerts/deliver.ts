/**
 * Brings the news to the channels, at least once: what a channel has not taken is tried again, ever more rarely, also after a
 * restart, because what it took is a fact of the log. Channels do not wait for one another.
 */
import { Effect, Random, Result, type Scope } from 'effect'
import { Ledger } from '#actors/ledger.ts'
import { type AlertNews, pendingNews } from '#domain/projections/alerts.ts'
import type { Channel } from '#infra/alerts/channel.ts'
import type { AlertsConfig, ChannelSettings } from '#infra/alerts/settings.ts'

const LOOK_MS = 1_000
const RETRY_MIN_MS = 1_000
const RETRY_MAX_MS = 300_000
/** Slack takes fifty blocks; nobody reads more than this in one message. */
export const MOST_NEWS = 20

export interface DeliveryOptions {
  /** In force at this moment. */
  readonly config: () => AlertsConfig
  readonly open: (settings: ChannelSettings) => Channel
  /** As in watch.ts. */
  readonly isMine?: () => boolean
}

interface Line {
  readonly settings: ChannelSettings
  readonly channel: Channel
  busy: boolean
  /** Failures in a row. */
  failures: number
  /** Epoch ms before which it is not tried again. */
  notBefore: number
}

/** Delivers until the scope closes. */
export const deliverNews = ({
  config,
  open,
  isMine,
}: DeliveryOptions): Effect.Effect<void, never, Ledger | Scope.Scope> =>
  Effect.gen(function* () {
    const ledger = yield* Ledger
    const clock = yield* Effect.clockWith(Effect.succeed)
    const scope = yield* Effect.scope
    const lines = new Map<string, Line>()

    /** A channel whose settings changed is another one: nothing is held against it. */
    const lineOf = (settings: ChannelSettings): Line => {
      const known = lines.get(settings.name)
      if (known?.settings === settings) return known
      const line: Line = { settings, channel: open(settings), busy: false, failures: 0, notBefore: 0 }
      lines.set(settings.name, line)
      return line
    }

    const send = (line: Line, news: readonly AlertNews[]) =>
      Effect.gen(function* () {
        const { name: channel } = line.settings
        const sent = yield* Effect.result(line.channel.send({ _tag: 'News', news }))
        const at = clock.currentTimeMillisUnsafe()
        if (Result.isSuccess(sent)) {
          if (line.failures > 0) yield* Effect.logInfo(`the channel ${channel} takes news again`)
          line.failures = 0
          const taken = news.map((one) => ({ alertId: one.alertId, at: one.at, change: one.change }))
          ledger.record({ _tag: 'AlertDelivered', channel, news: taken }, at)
          return
        }
        line.failures += 1
        const delay = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** Math.min(line.failures - 1, 20))
        line.notBefore = at + delay * (0.5 + (yield* Random.next) / 2)
        const said = `${sent.failure.message} It is tried again.`
        yield* line.failures === 1 ? Effect.logWarning(said) : Effect.logDebug(said)
      }).pipe(
        Effect.ensuring(
          Effect.sync(() => {
            line.busy = false
          }),
        ),
      )

    const look = Effect.gen(function* () {
      if (isMine?.() === false) return
      const { channels, digestMs, silences } = config()
      const at = clock.currentTimeMillisUnsafe()
      for (const name of lines.keys()) if (!channels.some((channel) => channel.name === name)) lines.delete(name)
      for (const settings of channels) {
        const line = lineOf(settings)
        const { name: channel } = settings
        // From now on it takes part; see pendingNews.
        if (!ledger.state.projections.alerts.channels.has(channel)) {
          ledger.record({ _tag: 'AlertDelivered', channel, news: [] }, at)
        }
        if (line.busy || at < line.notBefore) continue
        const pending = pendingNews(ledger.state.projections.alerts, channel, at, silences)
        const [first] = pending
        if (first === undefined || at < first.at + digestMs) continue
        line.busy = true
        yield* Effect.forkIn(send(line, pending.slice(0, MOST_NEWS)), scope)
      }
    }).pipe(Effect.catchCause((cause) => Effect.logError('the delivery of alerts met a bug', cause)))

    yield* Effect.forkScoped(Effect.forever(Effect.andThen(look, Effect.sleep(LOOK_MS))))
  })
