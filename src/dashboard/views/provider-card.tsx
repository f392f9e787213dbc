/**
 * One provider.
 */
import type { ProviderView } from '#actors/views/provider-view.ts'
import type { Occurred } from '../api/events.ts'
import { actOn } from '../api/providers.ts'
import { seenAt } from '../clock.ts'
import { Badge } from '../components/badge.tsx'
import { ConfirmButton } from '../components/confirm.tsx'
import { StateMachine } from '../components/state-machine.tsx'
import { duration, moment as timeOf } from '../format.ts'
import { moment } from '../router.ts'
import { reasonText, recoveryText, STATE_NAMES, TRIPS } from '../words.ts'
import { ProviderHealth } from './provider-health.tsx'
import { ProviderLimits } from './provider-limits.tsx'
import { ProviderScore } from './provider-score.tsx'
import { STATE_TONES } from './who-serves.tsx'

export const ProviderCard = (props: {
  readonly provider: ProviderView
  readonly routes: readonly Occurred<'RouteChosen'>[]
  readonly answers: readonly Occurred<'AttemptSucceeded'>[]
  readonly onChanged: () => void
}) => {
  const { provider, routes, answers, onChanged } = props
  const at = seenAt.value
  return (
    <article class="card" aria-label={`Provider ${provider.id}`} data-provider={provider.id}>
      <header>
        <h2>{provider.id}</h2>
        <span class="quiet">{provider.kind}</span>
        <Badge tone={STATE_TONES[provider.state]}>{STATE_NAMES[provider.state]}</Badge>
        {provider.enabled ? null : <Badge tone="warn">drained</Badge>}
        <Actions provider={provider} onChanged={onChanged} />
      </header>
      <StateMachine provider={provider} at={at} />
      <State provider={provider} at={at} />
      <ProviderLimits provider={provider} at={at} />
      <ProviderScore id={provider.id} routes={routes} at={at} />
      <ProviderHealth provider={provider} answers={answers} at={at} />
    </article>
  )
}

const Actions = ({ provider, onChanged }: { readonly provider: ProviderView; readonly onChanged: () => void }) => {
  const { id, enabled, state } = provider
  // The past cannot be changed.
  const disabled = moment.value !== null
  return (
    <div class="buttons">
      {enabled ? (
        <ConfirmButton
          label="Drain"
          subject={id}
          question="Nothing new is sent to it; what is under way runs out. It stays so over restarts, until it is enabled."
          act={() => actOn(id, 'drain')}
          done={`${id} is drained.`}
          onDone={onChanged}
          disabled={disabled}
          isDangerous
        />
      ) : (
        <ConfirmButton
          label="Enable"
          subject={id}
          question="It takes part in routing again from the next request on."
          act={() => actOn(id, 'enable')}
          done={`${id} is enabled.`}
          onDone={onChanged}
          disabled={disabled}
        />
      )}
      <ConfirmButton
        label="Reset"
        subject={id}
        question="It counts as healthy at once: an open circuit closes, a throttle ends. If it is not well, its next failures open the circuit again."
        act={() => actOn(id, 'reset')}
        done={`${id} is reset.`}
        onDone={onChanged}
        disabled={disabled || state === 'healthy'}
      />
    </div>
  )
}

const State = ({ provider, at }: { readonly provider: ProviderView; readonly at: number }) => {
  const { state, since, because, trip, level, recovery, admission } = provider
  const closes = recoveryText(recovery, at)
  return (
    <dl class="facts state-facts">
      <dt>In this state</dt>
      <dd>
        {since === null ? 'since the log began' : `for ${duration(at - since)}, since ${timeOf(since, at)}`}
        {level > 0 && state !== 'healthy' ? `; opened ${level} × in a row` : ''}
      </dd>
      {because === null ? null : (
        <>
          <dt>Because</dt>
          <dd data-fact="because">
            {reasonText(because)}
            {trip === null ? '' : `, by ${TRIPS[trip]}`}
          </dd>
        </>
      )}
      {closes === undefined ? null : (
        <>
          <dt>What ends it</dt>
          <dd data-fact="recovery">{closes}</dd>
        </>
      )}
      <dt>One more request</dt>
      <dd>
        {admission.admit === 'yes'
          ? 'is welcome'
          : admission.admit === 'probe'
            ? 'would go as a probe'
            : `is not admitted${admission.until === null ? '' : ` before ${timeOf(admission.until, at)}`}`}
      </dd>
    </dl>
  )
}
