/**
 * What may be spent, and when days begin. See schema.ts for the annotations.
 */
import { Schema } from 'effect'
import { BUDGET_PERIODS, BUDGET_SUBJECTS, STRATEGIES } from '#domain/policy.ts'
import { choice, opt, text } from '#infra/config/schema-leaf.ts'

const MOST_USD = 1_000_000

export const timeZone = text('a time zone such as Europe/Berlin').annotate({
  description: 'In which the days, weeks and months of budgets and reports begin.',
  default: 'UTC',
})

const Budget = Schema.Struct({
  period: choice(BUDGET_PERIODS, 'It begins anew with each; weeks begin on Monday.'),
  usd: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: MOST_USD })).annotate({
    description: 'US dollars in a period.',
    expected: `a number from 0 to ${MOST_USD}`,
    form: 'number',
  }),
  key: opt(text('the name of a client key').annotate({ description: 'Only requests with this client key.' })),
  project: opt(
    text('the name of a project').annotate({
      description: 'Only requests of this project, as the client says it (`x-signalbox-project`).',
    }),
  ),
  model: opt(
    text('a model name, with * for any text').annotate({
      description: 'Only requests for such a model, as the client names it.',
    }),
  ),
  each: opt(
    choice(
      BUDGET_SUBJECTS,
      'One budget for each of these, instead of one for all. `agent`: a sub-agent with all that it starts.',
    ),
  ),
  action: opt(
    choice(
      ['alert', 'refuse', 'stepDown'],
      'When it is used up: only tell, refuse what does not fit any more, or go on in a cheaper way.',
      { default: 'alert' },
    ),
  ),
  stepDownTo: opt(
    Schema.Struct({
      strategy: opt(choice(STRATEGIES, 'Route by this strategy.')),
      model: opt(text('a model name').annotate({ description: 'Ask for this model instead.' })),
    }).annotate({ description: 'The cheaper way of `stepDown`; the strategy `cost` unless it says otherwise.' }),
  ),
}).annotate({ description: 'One budget.' })

export const Budgets = Schema.Record(
  Schema.String.check(Schema.isPattern(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/u)).annotate({
    expected: 'a name of letters and digits, with - or _ (at most 64 characters)',
  }),
  Budget,
).annotate({ description: 'Budgets by their names ([costs](costs.md#budgets)).', entry: 'budget' })
