/**
 * The shadow policy in the configuration file: of the routing what it does otherwise. No key has a default of its own.
 */
import { Schema } from 'effect'
import { STRATEGIES } from '#domain/policy.ts'
import { COUNT, choice, number, opt, share, whole } from '#infra/config/schema-leaf.ts'

export const Shadow = Schema.Struct({
  strategy: opt(choice(STRATEGIES, 'Its strategy.')),
  weights: opt(
    Schema.Struct({
      headroom: number('Room that is left in the limits.', 0, COUNT),
      performance: number('Speed.', 0, COUNT),
      cost: number('Cost of the request.', 0, COUNT),
      reliability: number('Success of late.', 0, COUNT),
    }).annotate({ description: 'Its weights; those that are not named are as in force.' }),
  ),
  limitThreshold: share('Its share of a limit above which a request goes elsewhere.'),
  substitutes: opt(choice(['last', 'equal'], 'Where it has providers that would answer with another model.')),
  exploration: share('Its share of the requests that explores.'),
  maxFallbacks: whole('Providers that it would try after the first one failed.', 0, 100),
}).annotate({
  description:
    'Another routing that decides on every request too, while nobody acts by it, so that both can be compared ([shadow](shadow.md)). What is not named is as in force. Without this block there is none.',
})
