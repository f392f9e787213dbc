/**
 * What people ask of Claude Code in some hours, as plain data: sessions with a growing context, tool loops, sub-agents that
 * run side by side, background calls, pauses. The script does not depend on who answers, so every policy gets the same.
 */
import {
  ANSWER_TOKENS,
  BODY_BYTES,
  COMPACTS_ABOVE_BYTES,
  GROWTH_BYTES,
  PACE,
  PREAMBLE_BYTES,
  TOOLS,
} from './client-shapes.ts'
import { type Dice, diceFor } from './dice.ts'

/** One request of the client. Tokens are the truth, which the gateway can only estimate. */
export interface Call {
  /** Whole and unique in its world: what happens to it is drawn by it. */
  readonly key: number
  readonly session: string
  readonly agent: string | null
  readonly bodyBytes: number
  readonly messages: number
  readonly tools: number
  readonly promptTokens: number
  /** Of these, the part that a compaction leaves as it is. */
  readonly preambleTokens: number
  readonly outputTokens: number
  /** Its prompt is marked for the cache. */
  readonly isCached: boolean
}

/** A call, and what happens between its answer and the next call of its loop. */
export interface Step {
  readonly call: Call
  readonly agents: readonly (readonly Step[])[]
  readonly thenMs: number
}

/** What follows one prompt of a person. */
export interface Prompt {
  readonly afterMs: number
  readonly background: readonly Call[]
  readonly steps: readonly Step[]
}

export interface Session {
  readonly id: string
  readonly startsAt: number
  readonly prompts: readonly Prompt[]
}

export interface TrafficOptions {
  readonly users: number
  readonly forMs: number
  readonly startsAt: number
  /** Tokens per byte of this world's prompts; conversations differ by some percent. */
  readonly tokensPerByte: number
  readonly tokensVary: boolean
  readonly agents?: AgentHabit
}

/** This share of the steps starts sub-agents, from the least to the most of them, side by side. */
export interface AgentHabit {
  readonly share: number
  readonly least: number
  readonly most: number
}
/** Assumed: no recording tells it. */
const USUAL_AGENTS: AgentHabit = { share: 0.04, least: 1, most: 4 }

/** A user's next session begins after the last one's expected end; what an answer takes is a guess here. */
const EXPECTED_ANSWER_MS = 6_000

export const makeTraffic = (seed: number, options: TrafficOptions): readonly Session[] => {
  let key = 0
  const nextKey = (): number => {
    key += 1
    return key
  }
  const sessions: Session[] = []
  for (let user = 0; user < options.users; user++) {
    const dice = diceFor(seed, 1, user)
    let at = options.startsAt + dice.between(0, Math.min(1_200_000, options.forMs / 4))
    for (let n = 0; at < options.startsAt + options.forMs; n++) {
      const session = makeSession(`u${user}s${n}`, at, dice, options, nextKey)
      sessions.push(session)
      at += expectedMs(session) + dice.logNormal(300_000, 0.8)
    }
  }
  return sessions
}

/** Every call of a session; those of one conversation in their order. */
export const callsOf = ({ prompts }: Session): readonly Call[] =>
  prompts.flatMap(({ background, steps }) => [...background, ...callsIn(steps)])

const callsIn = (steps: readonly Step[]): readonly Call[] =>
  steps.flatMap(({ call, agents }) => [call, ...agents.flatMap(callsIn)])

/** Calls of one conversation in order, each with the time since the one before, as far as the script tells it. */
export type Conversation = readonly { readonly call: Call; readonly gapMs: number }[]

/** The main loop of a session and those of its agents; background calls have no history. */
export const conversationsOf = ({ prompts }: Session): readonly Conversation[] => {
  const agents: Conversation[] = []
  const follow = (steps: readonly Step[], pauseMs: number): Conversation => {
    let gapMs = pauseMs
    return steps.map((step) => {
      const one = { call: step.call, gapMs }
      for (const agent of step.agents) agents.push(follow(agent, 0))
      gapMs = stepsMs([step])
      return one
    })
  }
  let lastMs = 0
  const main = prompts.flatMap(({ afterMs, steps }) => {
    const calls = follow(steps, lastMs + afterMs)
    const last = steps.at(-1)
    lastMs = last === undefined ? 0 : stepsMs([last])
    return calls
  })
  return [main, ...agents]
}

const expectedMs = ({ prompts }: Session): number =>
  prompts.reduce((sum, { afterMs, steps }) => sum + afterMs + stepsMs(steps), 0)

const stepsMs = (steps: readonly Step[]): number =>
  steps.reduce(
    (sum, { thenMs, agents }) =>
      sum + EXPECTED_ANSWER_MS + thenMs + Math.max(0, ...agents.map((agent) => stepsMs(agent))),
    0,
  )

interface Loop {
  readonly session: string
  readonly agent: string | null
  readonly tools: number
  readonly tokensPerByte: number
  bodyBytes: number
  messages: number
}

const makeSession = (
  id: string,
  startsAt: number,
  dice: Dice,
  options: TrafficOptions,
  nextKey: () => number,
): Session => {
  const vary = () => (options.tokensVary ? dice.between(0.92, 1.08) : 1)
  const isInteractive = dice.chance(0.7)
  const loop: Loop = {
    session: id,
    agent: null,
    tools: isInteractive ? TOOLS.interactive : TOOLS.main,
    tokensPerByte: options.tokensPerByte * vary(),
    bodyBytes: isInteractive ? BODY_BYTES.interactiveTurn : BODY_BYTES.firstTurn,
    messages: 2,
  }
  const one = (of: Loop, tokens: { readonly median: number; readonly sigma: number }): Call =>
    callOf(of, Math.max(1, Math.round(dice.logNormal(tokens.median, tokens.sigma))), nextKey())
  const grow = (of: Loop): void => {
    const bytes = dice.logNormal(GROWTH_BYTES.median, GROWTH_BYTES.sigma)
    of.bodyBytes += Math.round(Math.min(GROWTH_BYTES.most, Math.max(GROWTH_BYTES.least, bytes)))
    of.messages += 2
  }
  const toolMs = () => Math.round(Math.min(600_000, dice.logNormal(PACE.tool.median, PACE.tool.sigma)))
  const stepsOf = (of: Loop, count: number, agents: () => readonly (readonly Step[])[]): readonly Step[] =>
    Array.from({ length: count }, (_, n) => {
      const call = one(of, n === count - 1 ? ANSWER_TOKENS.closing : ANSWER_TOKENS.step)
      const step = { call, agents: n < count - 1 ? agents() : [], thenMs: n < count - 1 ? toolMs() : 0 }
      grow(of)
      return step
    })
  let agentCount = 0
  const agentOf = (): readonly Step[] => {
    agentCount += 1
    const of: Loop = {
      session: id,
      agent: `a${agentCount}`,
      tools: TOOLS.agent,
      tokensPerByte: loop.tokensPerByte,
      bodyBytes: BODY_BYTES.agentTurn,
      messages: 2,
    }
    return stepsOf(of, dice.whole(2, 9), () => [])
  }
  const { agents: habit = USUAL_AGENTS } = options
  const fanOut = () =>
    dice.chance(habit.share) ? Array.from({ length: dice.whole(habit.least, habit.most) }, agentOf) : []
  const small = (bytes: number, tools: number, tokens: { readonly median: number; readonly sigma: number }): Call =>
    one({ ...loop, bodyBytes: bytes, tools, messages: 1 }, tokens)

  const prompts: Prompt[] = []
  const count = Math.max(1, Math.round(dice.logNormal(5, 0.7)))
  for (let n = 0; n < count; n++) {
    const { away } = PACE
    const pauseMs = dice.chance(away.share)
      ? dice.between(away.least, away.most)
      : dice.logNormal(PACE.pause.median, PACE.pause.sigma)
    const background = [
      ...(n === 0 && isInteractive ? [small(BODY_BYTES.title, TOOLS.title, ANSWER_TOKENS.title)] : []),
      ...(dice.chance(0.06) ? [small(BODY_BYTES.webSearch, TOOLS.webSearch, ANSWER_TOKENS.search)] : []),
      ...(dice.chance(0.04) ? [small(BODY_BYTES.webFetch, TOOLS.webFetch, ANSWER_TOKENS.search)] : []),
    ]
    const compaction = loop.bodyBytes > COMPACTS_ABOVE_BYTES ? [compact(loop, one)] : []
    const steps = stepsOf(loop, Math.max(1, Math.round(dice.logNormal(4.5, 0.8))), fanOut)
    prompts.push({ afterMs: n === 0 ? 0 : Math.round(pauseMs), background, steps: [...compaction, ...steps] })
  }
  return { id, startsAt: Math.round(startsAt), prompts }
}

/** A summary is asked for, and the history begins anew with it. */
const compact = (
  loop: Loop,
  one: (of: Loop, tokens: { readonly median: number; readonly sigma: number }) => Call,
): Step => {
  loop.bodyBytes += BODY_BYTES.compaction
  const call = one(loop, ANSWER_TOKENS.compaction)
  loop.bodyBytes = BODY_BYTES.afterCompaction
  loop.messages = 2
  return { call, agents: [], thenMs: 0 }
}

/** The API caches nothing below this many tokens (claude-code.md 14). */
const LEAST_CACHED_TOKENS = 1_024

const callOf = (loop: Loop, outputTokens: number, key: number): Call => {
  const promptTokens = Math.max(1, Math.round(loop.bodyBytes * loop.tokensPerByte))
  return {
    key,
    session: loop.session,
    agent: loop.agent,
    bodyBytes: loop.bodyBytes,
    messages: loop.messages,
    tools: loop.tools,
    promptTokens,
    preambleTokens: Math.min(promptTokens, Math.round(PREAMBLE_BYTES * loop.tokensPerByte)),
    outputTokens,
    isCached: loop.tools > 1 && promptTokens >= LEAST_CACHED_TOKENS,
  }
}
