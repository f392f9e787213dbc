/**
 * The kinds of values a configuration holds. `form` names the kind in the documentation, `expected` the right form in errors.
 */
import { Schema } from 'effect'
import { durationPattern, formatDuration, sizePattern } from '#infra/config/quantities.ts'

export const opt = Schema.optionalKey

export const duration = (description: string, defaultMs: number) =>
  opt(
    Schema.Union([
      Schema.String.check(Schema.isPattern(durationPattern)),
      Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0)),
    ]).annotate({
      description,
      default: formatDuration(defaultMs),
      expected: 'a duration such as 500 ms, 10 s, 5 min or 1 h (or a number of milliseconds)',
      form: 'duration',
    }),
  )

export const whole = (description: string, minimum: number, maximum: number, standard?: number) =>
  opt(
    Schema.Int.check(Schema.isBetween({ minimum, maximum })).annotate({
      description,
      ...(standard === undefined ? {} : { default: standard }),
      expected: `a whole number from ${minimum} to ${maximum}`,
      form: 'whole number',
    }),
  )

export const number = (description: string, minimum: number, maximum: number, standard?: number) =>
  opt(
    Schema.Finite.check(Schema.isBetween({ minimum, maximum })).annotate({
      description,
      ...(standard === undefined ? {} : { default: standard }),
      expected: `a number from ${minimum} to ${maximum}`,
      form: 'number',
    }),
  )

export const share = (description: string, standard?: number) => number(description, 0, 1, standard)

export const size = (description: string) =>
  Schema.Union([
    Schema.String.check(Schema.isPattern(sizePattern)),
    Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
  ]).annotate({
    description,
    expected: 'a size such as 500 kB, 32 MB or 32 MiB (or a number of bytes)',
    form: 'size',
  })

export const text = (expected: string) => Schema.NonEmptyString.annotate({ expected, form: 'text' })

export const choice = <const L extends readonly [string, ...string[]]>(
  names: L,
  description: string,
  more: { readonly default?: L[number]; readonly later?: readonly string[] } = {},
) => Schema.Literals(names).annotate({ description, form: names.join(' | '), ...more })

export const flag = (description: string, standard: boolean) =>
  opt(Schema.Boolean.annotate({ description, default: standard, expected: 'true or false', form: 'true | false' }))

export const COUNT = 1_000_000
