/**
 * What a question "what if" may say: keys of the configuration that decisions depend on (what is not said is as in force), and of a provider
 * that does not exist, what is assumed of it. The same keys are read from a file and from `--what-if KEY=VALUE`.
 */
import { Schema } from 'effect'
import { durationPattern } from '#infra/config/quantities.ts'
import { ConfigFile } from '#infra/config/schema.ts'
import { number, opt, share, text } from '#infra/config/schema-leaf.ts'
import { Provider } from '#infra/config/schema-provider.ts'

const { strategy, weights, limitThreshold, substitutes, exploration, maxFallbacks, fallbackDelay, queue, deadline } =
  ConfigFile.fields.routing.schema.fields
const { enabled, priority, limits, breaker, timeouts } = Provider.fields

/** A duration without a default. */
const time = (description: string) =>
  opt(
    Schema.Union([
      Schema.String.check(Schema.isPattern(durationPattern)),
      Schema.Finite.check(Schema.isGreaterThan(0)),
    ]).annotate({ description, expected: 'a duration such as 800 ms or 2 s', form: 'duration' }),
  )

const OtherProvider = Schema.Struct({
  enabled,
  priority,
  limits,
  breaker,
  timeouts,
  price: number('Times the prices in force; of an added provider, times those of the one that it is like.', 0, 1_000),
  like: opt(
    text('the name of a provider').annotate({
      description: 'Adds a provider that is like this one, but for what is said of it.',
    }),
  ),
  ttft: time('Assumed of an added provider: half of its answers begin later, when the whole prompt is in the cache.'),
  perToken: time('Assumed of an added provider: from one token of the answer to the next.'),
  failures: share('Assumed of an added provider: share of its requests that fail.'),
  cache: opt(
    Schema.Boolean.annotate({
      description: 'Assumed of an added provider: it has a prompt cache.',
      expected: 'true or false',
      form: 'true | false',
    }),
  ),
}).annotate({ description: 'One provider.' })
export type OtherProvider = typeof OtherProvider.Type

export const WishFile = Schema.Struct({
  routing: opt(
    Schema.Struct({
      ...{ strategy, weights, limitThreshold, substitutes, exploration },
      ...{ maxFallbacks, fallbackDelay, queue, deadline },
    }).annotate({ description: 'How a request finds its provider.' }),
  ),
  retryBudget: ConfigFile.fields.retryBudget,
  providers: opt(
    Schema.Record(
      Schema.String.check(Schema.isPattern(/^[A-Za-z0-9]+([_-][A-Za-z0-9]+)*$/u), Schema.isMaxLength(64)).annotate({
        expected: 'a name of letters and digits, with single - or _ between (at most 64 characters)',
      }),
      OtherProvider,
    ).annotate({ description: 'Providers by their names.', entry: 'id' }),
  ),
}).annotate({ title: 'What if' })
export type WishFile = typeof WishFile.Type
