/**
 * Scenario files: what is wrong with one is said with its place, and what is right becomes a world.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from '@effect/vitest'
import { Effect, Result } from 'effect'
import { formatProblem } from '#infra/config/problem.ts'
import { parseScenario, readScenario } from '#infra/simulator/scenario/read-scenario.ts'
import { scenarioWorld } from '#infra/simulator/scenario/to-world.ts'
import { priceAt } from '#infra/simulator/virtual/true-provider.ts'
import { STARTS_AT } from '#infra/simulator/virtual/world.ts'

const problemsOf = (text: string): readonly string[] =>
  Result.match(parseScenario(text, 'mine.yaml'), {
    onSuccess: () => [],
    onFailure: (problems) => problems.map(formatProblem),
  })

const worldOf = (text: string) => scenarioWorld(Result.getOrThrow(parseScenario(text, 'mine.yaml')), 1, 0.1)

const cases: readonly (readonly [what: string, text: string, problem: RegExp])[] = [
  [
    'a key that is misspelled',
    'about: x\nproviders: { a: { prise: 1 } }',
    /^mine\.yaml:2:19 providers\.a\.prise: unknown key; did you mean price\?$/,
  ],
  [
    'a key that nobody knows',
    'about: x\nfoo: 1\nproviders: { a: {} }',
    /^mine\.yaml:2:1 foo: unknown key \(known here: about, hours, /,
  ],
  ['what is missing', 'providers: { a: {} }', /about: is missing; expected a line of text$/],
  [
    'a kind of outage that does not exist',
    'about: x\nproviders: { a: { events: [{ from: 1 h, outage: broken }] } }',
    /outage: expected refused, errors, overloaded, silent, brownOut, found "broken"/,
  ],
  [
    'a time without a unit that is one',
    'about: x\nproviders: { a: { events: [{ from: soon, price: 2 }] } }',
    /from: expected a duration such as 90 s, 20 min or 1 h, found "soon"$/,
  ],
  [
    'a share above one',
    'about: x\nleavesShare: 2\nproviders: { a: {} }',
    /leavesShare: expected a number from 0 to 1, found 2$/,
  ],
  ['nobody to serve', 'about: x\nproviders: {}', /providers: names nobody/],
  [
    'an event without anything that happens',
    'about: x\nproviders: { a: { events: [{ from: 1 h }] } }',
    /events\.0: says nothing that happens/,
  ],
  [
    'an end before the beginning',
    'about: x\nproviders: { a: { events: [{ from: 1 h, until: 30 min, price: 2 }] } }',
    /until: is not after `from`$/,
  ],
  ['a model without a price', 'about: x\nmodel: gpt-none\nproviders: { a: {} }', /model: "gpt-none" has no list price/],
  [
    'an expectation of somebody else',
    'about: x\nproviders: { a: {} }\nexpect: { recovered: [b] }',
    /expect\.recovered\.0: no provider is named b$/,
  ],
  ['YAML that is none', 'about: [', /^mine\.yaml:1:\d+ YAML: /],
]

describe('a scenario with a mistake', () => {
  it.each(cases)('is refused for %s', (_, text, problem) => {
    const problems = problemsOf(text)
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatch(problem)
  })

  it('tells all of them at once', () => {
    expect(problemsOf('hours: -1\nproviders: { a: { told: them } }\nabout: x')).toHaveLength(2)
  })
})

describe('a scenario', () => {
  it('needs no more than a line and a provider', () => {
    const world = worldOf('about: x\nproviders: { only: {} }')
    expect(world.providers.map(({ id }) => id)).toEqual(['only'])
    expect(world.sessions.length).toBeGreaterThan(0)
  })

  it('changes a price at its time, and for good', () => {
    const world = worldOf('about: x\nproviders: { a: { price: 0.5, events: [{ from: 1 h, until: 2 h, price: 2 }] } }')
    const input = (hours: number) => priceAt(world.providers[0]!, STARTS_AT + hours * 3_600_000).input
    expect(input(1)).toBe(4 * input(0))
    expect(input(3)).toBe(input(1))
  })

  it('lets events of limits overlap, the newer one deciding', () => {
    const events =
      '[{ from: 10 min, until: 30 min, others: 0.5 }, { from: 20 min, until: 40 min, others: 0.9, limits: 0.1 }]'
    const { limits } = worldOf(`about: x\nproviders: { a: { others: 0.1, events: ${events} } }`).providers[0]!
    const minutes = (at: number) => (at - STARTS_AT) / 60_000
    expect(limits.phases?.map(({ from, until, ...what }) => [minutes(from), minutes(until), what])).toEqual([
      [10, 20, { sizeFactor: 1, othersShare: 0.5 }],
      [20, 30, { sizeFactor: 0.1, othersShare: 0.9 }],
      [30, 40, { sizeFactor: 0.1, othersShare: 0.9 }],
    ])
  })

  it.effect('is read from a file of one’s own', () =>
    Effect.gen(function* () {
      const folder = mkdtempSync(join(tmpdir(), 'signalbox-scenario-'))
      yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(folder, { recursive: true })))
      const path = join(folder, 'mine.yaml')
      writeFileSync(path, 'about: Mine\nproviders: { a: {} }\n')
      const { name, scenario } = yield* readScenario(path)
      expect([name, scenario.about]).toEqual(['mine', 'Mine'])
      const missing = yield* Effect.flip(readScenario(join(folder, 'other.yaml')))
      expect(missing.message).toMatch(/cannot be read \(ENOENT\)/)
    }),
  )

  it.effect('that is not shipped is answered with those that are', () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(readScenario('stedy'))
      expect(error.message).toMatch(/^There is no scenario "stedy"\. Did you mean steady\?/)
    }),
  )
})
