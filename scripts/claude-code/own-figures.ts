/**
 * The figures of Claude Code's own files beside our ledger: the real client writes them, the real ccusage adds them up, and
 * reconcile finds what differs, which on a good day is nothing.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Effect } from 'effect'
import { drop } from '#infra/simulator/script.ts'
import * as stories from '#infra/simulator/stories.ts'
import { ccusage } from '#test/ccusage.ts'
import type { Scenario } from './scenario.ts'
import { check, checkContent, checkFinished, checkLog, checkSame, type Stage, setStage, successes } from './stage.ts'
import { TASK_CALLS, task } from './task.ts'

interface Reconciled {
  readonly agree: boolean
  readonly matched: number
  readonly differences: readonly { readonly _tag: string; readonly text: string }[]
}

const reconciled = (stage: Stage) =>
  Effect.gen(function* () {
    const args = ['--claude', join(stage.home, '.claude'), '--json']
    const { code, stdout, stderr } = yield* stage.box.command('reconcile', ...args)
    yield* check(stdout !== '', `reconcile ended with ${code}: ${stderr}`)
    const found = JSON.parse(stdout) as Reconciled
    yield* check(code === (found.agree ? 0 : 1), `reconcile's exit code is ${code}`)
    return found
  })

/** ccusage's totals, as texts to compare. */
const totalsOf = (folder: string) =>
  Effect.map(ccusage(folder), ({ totals }) =>
    (['inputTokens', 'outputTokens', 'cacheCreationTokens', 'cacheReadTokens'] as const).map(
      (kind) => `${kind} ${totals[kind]}`,
    ),
  )

/** What ccusage would have to find, by our log. */
const ledgerTotals = (stage: Stage) =>
  Effect.map(stage.log, (log) => {
    const usages = successes(log).map(({ usage }) => usage)
    const sum = (of: (usage: (typeof usages)[number]) => number) => usages.map(of).reduce((a, b) => a + b, 0)
    return [
      `inputTokens ${sum((usage) => usage.inputTokens)}`,
      `outputTokens ${sum((usage) => usage.outputTokens)}`,
      `cacheCreationTokens ${sum((usage) => usage.cacheWrite5mTokens + usage.cacheWrite1hTokens)}`,
      `cacheReadTokens ${sum((usage) => usage.cacheReadTokens)}`,
    ]
  })

const agreeing: Scenario = {
  name: 'figures: files, export and ledger agree',
  play: Effect.gen(function* () {
    const stage = yield* setStage({ story: task })
    yield* checkContent(yield* stage.client())
    yield* checkLog(stage)
    const { agree, matched, differences } = yield* reconciled(stage)
    yield* check(agree && differences.length === 0, `it differs: ${differences.map(({ text }) => text).join(' ')}`)
    yield* check(matched === TASK_CALLS, `${matched} answers were matched, not ${TASK_CALLS}`)
    const wanted = yield* ledgerTotals(stage)
    yield* checkSame("ccusage on the client's files", yield* totalsOf(join(stage.home, '.claude')), wanted)
    const out = join(stage.home, 'export')
    mkdirSync(out)
    yield* stage.box.command('export', '--out', out)
    yield* checkSame('ccusage on the export', yield* totalsOf(out), wanted)
    return `${matched} answers on both sides, none differs; ccusage counts the same`
  }),
}

const broken: Scenario = {
  name: 'figures: a stream that breaks off is found',
  play: Effect.gen(function* () {
    const stage = yield* setStage({
      story: () => stories.plainAnswer(`Simulated answer: ${'a few words and '.repeat(20)}the end.`),
      scripts: { alpha: [{ when: { nth: 1 }, step: drop({ events: 8 }) }] },
    })
    yield* checkFinished(yield* stage.client())
    const { agree, differences } = yield* reconciled(stage)
    const found = differences.map(({ _tag, text }) => `${_tag}: ${text}`)
    yield* check(!agree && found.length === 1, `${found.length} differences: ${found.join(' ')}`)
    yield* check(
      ['AbortedStream', 'Counts'].includes(differences[0]?._tag ?? ''),
      `another difference was found: ${found.join(' ')}`,
    )
    return found.join(' ')
  }),
}

export const ownFigures: readonly Scenario[] = [agreeing, broken]
