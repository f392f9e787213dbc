/**
 * The part of the configuration that is about alerts, every default filled in.
 */
import type { AlertRules } from '#domain/alerts/rules.ts'
import type { Silence } from '#domain/projections/alerts.ts'
import type { GoogleAdcReference, HeldCredential } from '#infra/credentials/credential-reference.ts'

/** A text that the file says, or where one is found that must not stand there. */
export type TextSource = { readonly _tag: 'Plain'; readonly text: string } | Exclude<HeldCredential, GoogleAdcReference>

export type ChannelSettings =
  | {
      readonly _tag: 'Webhook'
      readonly name: string
      readonly url: TextSource
      readonly format: 'json' | 'slack'
      /** Names in lower case. */
      readonly headers: readonly (readonly [string, TextSource])[]
    }
  /** Program and arguments; no shell. */
  | { readonly _tag: 'Command'; readonly name: string; readonly argv: readonly string[] }

export interface AlertsConfig {
  readonly rules: AlertRules
  /** News is gathered for so long, from the first on. */
  readonly digestMs: number
  readonly channels: readonly ChannelSettings[]
  readonly silences: readonly Silence[]
}
