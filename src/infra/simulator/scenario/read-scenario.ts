/**
 * Reads a scenario file: YAML with the place of each mistake, then the schema, then what one key means for another.
 */
import { readFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { Data, Effect, Result, Schema } from 'effect'
import { explainLeaf, problemAt } from '#infra/config/explain-leaf.ts'
import { issueLeaves } from '#infra/config/issue-leaves.ts'
import { type KeyTree, keysAt, keysOf } from '#infra/config/keys.ts'
import { nearest } from '#infra/config/nearest.ts'
import { type ConfigProblem, formatProblem, type Origin, showValue } from '#infra/config/problem.ts'
import { durationMs } from '#infra/config/quantities.ts'
import { parseTree, toPlain } from '#infra/config/tree.ts'
import { listPrice } from '#infra/prices/list-price.ts'
import { STARTS_AT } from '#infra/simulator/virtual/world.ts'
import { Event, Scenario, type ScenarioEvent } from './schema.ts'
import { SHIPPED, shippedScenarios } from './shipped-scenarios.ts'

/** A scenario cannot be used; the message has a line for each reason. */
export class ScenarioError extends Data.TaggedError('ScenarioError')<{ readonly message: string }> {}

export interface NamedScenario {
  readonly name: string
  readonly scenario: Scenario
}

/** By the name of one that is shipped, or the path of a file (which ends with `.yaml` or `.yml`, or has a `/`). */
export const readScenario = (which: string): Effect.Effect<NamedScenario, ScenarioError> =>
  Effect.suspend(() => {
    const isPath = /\.ya?ml$/u.test(which) || which.includes('/')
    if (!isPath && !shippedScenarios().includes(which)) {
      const near = nearest(which, shippedScenarios())
      const meant = near.length === 0 ? '' : ` Did you mean ${near.join(' or ')}?`
      const message = `There is no scenario "${which}".${meant} Those that are shipped: ${shippedScenarios().join(', ')}. Or name a file.`
      return Effect.fail(new ScenarioError({ message }))
    }
    const name = isPath ? basename(which).replace(/\.ya?ml$/u, '') : which
    return Effect.map(
      readText(isPath ? resolve(which) : new URL(`${which}.yaml`, SHIPPED).pathname, which),
      (scenario) => ({
        name,
        scenario,
      }),
    )
  })

const readText = (path: string, shown: string): Effect.Effect<Scenario, ScenarioError> =>
  Effect.try({
    try: () => readFileSync(path, 'utf8'),
    catch: (error) => {
      const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
      return new ScenarioError({ message: `${shown} cannot be read (${code}).` })
    },
  }).pipe(
    Effect.flatMap((text) => {
      const parsed = parseScenario(text, shown)
      return Result.isSuccess(parsed)
        ? Effect.succeed(parsed.success)
        : Effect.fail(new ScenarioError({ message: inWords(parsed.failure) }))
    }),
  )

const inWords = (problems: readonly ConfigProblem[]): string => {
  const title = problems.length === 1 ? 'The scenario has a problem:' : `The scenario has ${problems.length} problems:`
  return [title, ...problems.map((problem) => `  ${formatProblem(problem)}`)].join('\n')
}

/** All problems of the text, or the scenario. `file` is how the text is named in problems. */
export const parseScenario = (text: string, file: string): Result.Result<Scenario, readonly ConfigProblem[]> => {
  const origin = (line: number, column: number): Origin => ({
    ...{ _tag: 'File' as const, file, folder: dirname(join('/', file)), line, column },
  })
  const { tree, problems } = parseTree(text, origin)
  if (tree === undefined) return Result.fail(problems)
  const decoded = Schema.decodeUnknownResult(Scenario)(toPlain(tree), { errors: 'all', onExcessProperty: 'error' })
  if (Result.isFailure(decoded)) {
    const found = issueLeaves(decoded.failure.issue).map((leaf) => explainLeaf(tree, leaf, keysOfPath))
    // The members of a choice each complain about the same value.
    return Result.fail([...new Map(found.map((problem) => [`${problem.kind} ${problem.key}`, problem])).values()])
  }
  const wrong = meaningOf(decoded.success).map(([path, said]) => problemAt(tree, path, said))
  return wrong.length === 0 ? Result.succeed(decoded.success) : Result.fail(wrong)
}

const scenarioKeys = keysOf(Scenario)
const eventKeys = keysOf(Event)

/** The members of a list have keys of their own. */
const keysOfPath = (path: readonly PropertyKey[]): KeyTree | undefined =>
  path[2] === 'events' && path.length > 3 ? keysAt(path.slice(4), eventKeys) : keysAt(path, scenarioKeys)

type Said = readonly [path: readonly PropertyKey[], text: string]

/** What the schema cannot see. */
const meaningOf = (scenario: Scenario): readonly Said[] => {
  const { model = 'claude-sonnet-5-5', agents, providers, expect } = scenario
  const ids = Object.keys(providers)
  const known = new Set(ids)
  const named = [
    ...(expect?.opened ?? []).map((id, index): readonly [string, Said[0]] => [id, ['expect', 'opened', index]]),
    ...(expect?.recovered ?? []).map((id, index): readonly [string, Said[0]] => [id, ['expect', 'recovered', index]]),
    ...Object.keys(expect?.share ?? {}).map((id): readonly [string, Said[0]] => [id, ['expect', 'share', id]]),
  ]
  return [
    ...(ids.length === 0 ? [[['providers'], 'names nobody; at least one provider is needed'] as const] : []),
    ...(listPrice({ model, seller: 'anthropic', at: STARTS_AT }) === undefined
      ? [
          [
            ['model'],
            `${showValue(model)} has no list price; take one of Anthropic's, such as claude-sonnet-5-5`,
          ] as const,
        ]
      : []),
    ...((agents?.least ?? 1) > (agents?.most ?? 4) ? [[['agents', 'least'], 'is above `most`'] as const] : []),
    ...named.flatMap(([id, path]): readonly Said[] => (known.has(id) ? [] : [[path, `no provider is named ${id}`]])),
    ...Object.entries(providers).flatMap(([id, { events = [] }]) =>
      events.flatMap((event, index) => meaningOfEvent(event, ['providers', id, 'events', index])),
    ),
  ]
}

const meaningOfEvent = ({ from, until, ...what }: ScenarioEvent, path: readonly PropertyKey[]): readonly Said[] => {
  if (Object.keys(what).length === 0)
    return [[path, 'says nothing that happens: outage, slower, limits, others or price']]
  if (until !== undefined && durationMs(until) <= durationMs(from)) return [[[...path, 'until'], 'is not after `from`']]
  return []
}
