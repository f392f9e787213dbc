/**
 * A whole task through each kind of upstream, and through two of them that take turns: the client notices nothing, and no
 * provider finds anything to complain of in what the other has left in the history.
 */
import { Effect } from 'effect'
import * as refusals from '#infra/simulator/refusals.ts'
import { answer, drop, type Script, type Step } from '#infra/simulator/script.ts'
import type { Simulator } from '#infra/simulator/simulator.ts'
import { CLIENT_TOKEN, type Kind } from '../../test/e2e/kind.ts'
import { KINDS } from '../../test/e2e/kinds.ts'
import { VENDOR_SIGNATURE } from '../../test/e2e/kinds-anthropic.ts'
import { withoutSignalbox } from './good-days.ts'
import type { ClientRun } from './run-client.ts'
import type { Scenario } from './scenario.ts'
import { check, checkContent, checkLog, checkTranscript, type Stage, setStage, successes } from './stage.ts'
import { MILESTONES, RED_DOT_PNG, TASK_CALLS, task } from './task.ts'

type KindName = keyof typeof KINDS

/** The task straight from an Anthropic-format provider, once for all scenarios. */
const straight = Effect.runSync(Effect.cached(Effect.orDie(Effect.map(withoutSignalbox(task), ({ lines }) => lines))))

const through = (name: KindName): Scenario => ({
  name: `kind: ${name}`,
  play: Effect.gen(function* () {
    const kind: Kind = KINDS[name]
    const stage = yield* setStage({ story: task, kinds: { alpha: kind } })
    yield* playTask(stage, [kind])
    return `${successes(yield* stage.log).length} calls, transcript as without Signalbox`
  }),
})

/** How the first provider goes away: it says so, or its connections break. */
const leaving: readonly Step[] = [refusals.overloaded(), drop('beforeHeaders')]

const between = (from: KindName, to: KindName, index: number): Scenario => ({
  name: `switch: ${from} -> ${to}`,
  play: Effect.gen(function* () {
    const [first, second]: readonly [Kind, Kind] = [KINDS[from], KINDS[to]]
    const away = leaving[index % leaving.length] ?? refusals.overloaded()
    const times = Number.POSITIVE_INFINITY
    const alpha: Script = [
      { when: { bodyIncludes: MILESTONES.nearlyDone }, times, step: answer() },
      { when: { bodyIncludes: MILESTONES.begun }, times, step: away },
    ]
    const stage = yield* setStage({
      story: task,
      scripts: { alpha, beta: [] },
      kinds: { alpha: first, beta: second },
      // It is asked again as soon as it may be.
      provider: { breaker: { consecutiveFailures: 100, consecutiveConnectFailures: 100 } },
    })
    yield* playTask(stage, [first, second])
    const served = successes(yield* stage.log).map(({ provider }) => String(provider))
    const shifts = served.filter((provider, index) => provider !== served[index - 1])
    // What the sub-agent is told is young: the first provider serves it in between.
    yield* check(shifts.join(' ') === 'alpha beta alpha beta alpha', `served by ${served.join(' ')}`)
    return `${served.filter((one) => one === 'alpha').length} + ${served.filter((one) => one === 'beta').length} calls`
  }),
})

/** Runs the task to its end, and looks at it from every side. */
const playTask = (stage: Stage, kinds: readonly Kind[]) =>
  Effect.gen(function* () {
    const result = yield* stage.client(credentials(kinds))
    yield* checkContent(result)
    yield* check(stage.fileText('story.txt') === 'alpha\ngamma\n', 'the task was not done')
    // What a model thinks is told by some kinds alone, and cut from the story of the others.
    const seen = kinds.every(({ thinking }) => /own|wrapped/.test(thinking)) ? everything : withoutThinking
    yield* checkTranscript(seen(stage.transcript(result)), seen(yield* straight))
    yield* checkLog(stage)
    for (const [index, [id, simulator]] of Object.entries(stage.simulators).entries()) {
      yield* checkProvider(id, simulator, stage)
      yield* checkSignatures(id, simulator, kinds[index]?.thinking)
    }
    const calls = successes(yield* stage.log).length
    yield* check(calls >= TASK_CALLS, `${calls} calls were served, not ${TASK_CALLS}`)
    const images = kinds.some(({ seesImages }) => seesImages) ? bodiesWith(stage, RED_DOT_PNG.slice(0, 60)) : 1
    yield* check(images > 0, 'no image reached a provider')
  })

/** It saw no mark of ours, and complained of nothing but, once, betas that are unknown to it: Signalbox learns those. */
const checkProvider = (id: string, { requests }: Simulator, stage: Stage) =>
  Effect.gen(function* () {
    const complaints = requests.filter(({ status = 0 }) => status >= 400 && status < 500)
    const reasons = (yield* stage.log).flatMap((event) =>
      event._tag === 'AttemptFailed' && event.provider === id ? [event.reason] : [],
    )
    const learned = reasons.filter(({ _tag }) => _tag === 'FeatureRefused').length
    const [one] = complaints
    yield* check(
      complaints.length === learned && learned <= 1,
      `${id} answered ${one?.status} to ${one?.path} (${complaints.length} of ${requests.length}): ${JSON.stringify(reasons)}`,
    )
    const marked = requests.filter(({ body }) => body.includes('"signalbox.v'))
    yield* check(marked.length === 0, `${id} was sent marks of ours`)
  })

/** What a provider signed goes back to it, or to another Claude, but never to one that would not know it. */
const checkSignatures = (id: string, { requests }: Simulator, thinking: Kind['thinking'] | undefined) =>
  Effect.gen(function* () {
    const sent = requests.map(({ body }) => body.toString()).join('\n')
    const [claudes, vendors] = [sent.includes('"signature":"Eq'), sent.includes(VENDOR_SIGNATURE)]
    yield* check(claudes || thinking !== 'own signature', `${id} did not get Claude's signatures back`)
    yield* check(vendors === (thinking === 'wrapped signature'), `${id}: signatures of the vendor sent: ${vendors}`)
    yield* check(/signature$/.test(thinking ?? '') || !claudes, `${id} got signatures that mean nothing to it`)
  })

const bodiesWith = ({ simulators }: Stage, text: string): number =>
  Object.values(simulators).flatMap(({ requests }) => requests.filter(({ body }) => body.includes(text))).length

/** What the client must send for a provider that wants the client's own credential. */
const credentials = (kinds: readonly Kind[]): Partial<ClientRun> =>
  kinds.includes(KINDS.subscription)
    ? { environment: { ANTHROPIC_API_KEY: '', ANTHROPIC_AUTH_TOKEN: CLIENT_TOKEN } }
    : {}

const everything = (lines: readonly string[]): readonly string[] => lines
const withoutThinking = (lines: readonly string[]): readonly string[] =>
  lines.filter((line) => !line.startsWith('assistant {"type":"thinking"'))

const names = Object.keys(KINDS) as readonly KindName[]

/** These speak as another kind does, to the byte. */
const TWINS: readonly KindName[] = ['subscription', 'managed', 'azure']
const different = names.filter((name) => !TWINS.includes(name))

export const eachKind: readonly Scenario[] = names.map(through)

export const switches: readonly Scenario[] = different
  .flatMap((from) => different.filter((to) => to !== from).map((to) => [from, to] as const))
  .map(([from, to], index) => between(from, to, index))
