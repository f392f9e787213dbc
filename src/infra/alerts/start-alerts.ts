/**
 * Alerts as a whole: one fiber finds, one tells.
 */
import { Effect, type Scope } from 'effect'
import type { Ledger } from '#actors/ledger.ts'
import type { Channel } from '#infra/alerts/channel.ts'
import { commandChannel } from '#infra/alerts/command.ts'
import { deliverNews } from '#infra/alerts/deliver.ts'
import type { ChannelSettings } from '#infra/alerts/settings.ts'
import { type WatchOptions, watchAlerts } from '#infra/alerts/watch.ts'
import { webhookChannel } from '#infra/alerts/webhook.ts'

export const openChannel = (settings: ChannelSettings): Channel =>
  settings._tag === 'Webhook' ? webhookChannel(settings) : commandChannel(settings)

export interface AlertsOptions extends WatchOptions {
  /** Default: over the network, or by running the program. */
  readonly open?: (settings: ChannelSettings) => Channel
}

/** Runs until the scope closes. To be started when the box is open. */
export const startAlerts = (options: AlertsOptions): Effect.Effect<void, never, Ledger | Scope.Scope> =>
  Effect.andThen(
    watchAlerts(options),
    deliverNews({
      config: options.config,
      open: options.open ?? openChannel,
      ...(options.isMine && { isMine: options.isMine }),
    }),
  )
