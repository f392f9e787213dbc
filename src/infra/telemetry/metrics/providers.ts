/**
 * Metrics of providers: the attempts at them, how fast they are, and the state that they are in.
 */
import type { ProviderState } from '#actors/provider-machine.ts'
import { concurrencyOf } from '#domain/projections/limits.ts'
import { durations, type Family, gauge, type Sample, type Scene, total } from '#infra/telemetry/metrics/family.ts'

const STATES = [
  'healthy',
  'throttled',
  'openCircuit',
  'halfOpen',
  'retired',
] as const satisfies readonly ProviderState[]

const ofEach = (
  { state }: Scene,
  value: (provider: Scene['state']['policy']['providers'][number]) => number,
): readonly Sample[] =>
  state.policy.providers.map((provider) => ({ labels: { provider: provider.id }, value: value(provider) }))

export const providerMetrics: readonly Family[] = [
  total('attempts', {
    name: 'signalbox_attempts_total',
    help: 'Attempts that ended, by outcome (success, failure, cancelled, abandoned) and reason of the failure, else none.',
  }),
  total('fallbacks', {
    name: 'signalbox_fallbacks_total',
    help: 'Attempts beyond the first of their request, by the provider they went to.',
  }),
  total('brokenAnswers', {
    name: 'signalbox_broken_answers_total',
    help: 'Attempts that failed when the client had seen a part of the answer.',
  }),
  durations('ttft', {
    name: 'signalbox_time_to_first_token_seconds',
    help: 'From the start of an attempt to its first content, of streamed answers.',
  }),
  durations('perToken', {
    name: 'signalbox_time_per_output_token_seconds',
    help: 'Mean time per token after the first content, of streamed answers of 20 tokens and more.',
  }),
  durations('attempt', {
    name: 'signalbox_attempt_duration_seconds',
    help: 'From the start of an attempt to its end.',
  }),
  gauge(['provider'], { name: 'signalbox_attempts_in_flight', help: 'Attempts under way.' }, (scene) =>
    ofEach(scene, ({ id }) => concurrencyOf(scene.state.projections.limits, id).inFlight),
  ),
  gauge(
    ['provider'],
    {
      name: 'signalbox_concurrency_limit',
      help: 'Attempts that a provider is given at once, as learned from its refusals.',
    },
    (scene) => ofEach(scene, ({ id }) => concurrencyOf(scene.state.projections.limits, id).limit),
  ),
  gauge(
    ['provider'],
    { name: 'signalbox_provider_enabled', help: '1 for a provider that may be used by configuration, else 0.' },
    (scene) => ofEach(scene, ({ enabled }) => (enabled ? 1 : 0)),
  ),
  gauge(
    ['provider', 'state'],
    { name: 'signalbox_provider_state', help: '1 for the state a provider is in, 0 for the others.' },
    ({ state }) =>
      [...state.machines].flatMap(([provider, machine]) =>
        STATES.map((one) => ({ labels: { provider, state: one }, value: machine.state === one ? 1 : 0 })),
      ),
  ),
  total('transitions', {
    name: 'signalbox_provider_transitions_total',
    help: 'Decisions of the provider machines.',
  }),
  gauge(
    ['provider'],
    {
      name: 'signalbox_provider_check_ok',
      help: '1 while the health checks of a provider succeed, 0 while they fail; absent while nothing is known.',
    },
    ({ state }) =>
      [...state.projections.checks].map(([provider, { ok }]) => ({ labels: { provider }, value: ok ? 1 : 0 })),
  ),
  gauge(
    ['provider'],
    {
      name: 'signalbox_route_score',
      help: 'Score of each candidate in the last route; more is better. What it is made of depends on the strategy.',
    },
    ({ state }) =>
      [...state.projections.totals.scores]
        // Below zero: it had none.
        .filter(([, score]) => score >= 0)
        .map(([provider, value]) => ({ labels: { provider }, value })),
  ),
]
