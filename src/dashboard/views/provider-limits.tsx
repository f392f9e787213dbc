/**
 * What a provider's limits leave, and when there will be more.
 */
import type { LimitView } from '#actors/views/limit-view.ts'
import type { ProviderView } from '#actors/views/provider-view.ts'
import { Meter } from '../components/meter.tsx'
import { count, duration, short } from '../format.ts'

const LIMIT_NAMES: { readonly [K in LimitView['limit']]: string } = {
  requests: 'requests',
  input: 'input tokens',
  output: 'output tokens',
  tokens: 'tokens',
}

const SOURCES: { readonly [K in LimitView['source']]: string } = {
  configured: 'by the configuration',
  header: 'by its answers',
  learned: 'learned from a refusal',
}

export const ProviderLimits = ({ provider, at }: { readonly provider: ProviderView; readonly at: number }) => {
  const { limits, concurrency } = provider
  const { inFlight, limit, max } = concurrency
  return (
    <section aria-label={`Limits of ${provider.id}`}>
      <h3>Limits</h3>
      <Meter
        label="at once"
        share={limit === 0 ? 0 : inFlight / limit}
        text={`${count(inFlight)} of ${count(limit)}`}
        note={max === null ? undefined : `at most ${count(max)} by the configuration`}
      />
      {limits.map((one) => (
        <Meter
          key={`${one.limit}/${one.window}`}
          label={`${LIMIT_NAMES[one.limit]} a ${one.window}`}
          share={one.usedShare}
          text={`${short(one.remaining)} of ${short(one.size)} left`}
          note={`${forecast(one, at)} ${SOURCES[one.source]}.`}
        />
      ))}
      {limits.length === 0 ? <p class="quiet">It has told of no limit, and none is configured.</p> : null}
    </section>
  )
}

/** What is so near is here by the time it is read. */
const SOON_MS = 1_000

/** If nothing more is sent. */
const forecast = ({ freesAt, fullAt, resetAt }: LimitView, at: number): string => {
  const reset = resetAt === null || resetAt <= at ? '' : ` Turns in ${duration(resetAt - at)};`
  if (fullAt <= at + SOON_MS) return reset === '' ? 'All of it is free;' : `All of it is free.${reset}`
  const room = freesAt > at + SOON_MS ? `Room again in ${duration(freesAt - at)}, all` : 'All'
  return `${room} of it in ${duration(fullAt - at)}${reset === '' ? ';' : `.${reset}`}`
}
