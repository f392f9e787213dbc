/**
 * A word on a coloured ground. The word alone says it too.
 */
import type { RequestRow } from '#actors/views/requests-view.ts'
import { OUTCOME_NAMES } from '../words.ts'

export type Tone = 'good' | 'bad' | 'warn' | 'plain' | 'accent'

export const Badge = ({ tone, children }: { readonly tone: Tone; readonly children: string }) => (
  <span class={`badge ${tone}`}>{children}</span>
)

const OUTCOME_TONES: { readonly [K in RequestRow['outcome']]: Tone } = {
  inFlight: 'accent',
  succeeded: 'good',
  failed: 'bad',
  cancelled: 'plain',
  abandoned: 'warn',
}

export const OutcomeBadge = ({ outcome }: { readonly outcome: RequestRow['outcome'] }) => (
  <Badge tone={OUTCOME_TONES[outcome]}>{OUTCOME_NAMES[outcome]}</Badge>
)
