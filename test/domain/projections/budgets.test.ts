import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DomainEvent } from '#domain/events.ts'
import { modelId, providerId, type RequestId, requestId } from '#domain/ids.ts'
import { type Budget, defaultPolicy } from '#domain/policy.ts'
import { ACCOUNTS_KEPT, type Budgets, budgets, standingsOf } from '#domain/projections/budgets.ts'
import { noUsage } from '#domain/usage.ts'

const DAY = 86_400_000
/** A Monday, at midnight in UTC. */
const MONDAY = Date.UTC(2026, 10, 23)
const MODEL = modelId('claude-sonnet-5-5')
const PROVIDER = providerId('vertex')

const daily: Budget = { name: 'daily', period: 'day', limitNanoUsd: 1_000 }

type Admitted = Extract<DomainEvent, { readonly _tag: 'RequestAdmitted' }>

/** Folds as it is told; time stands where the story put it. */
class Story {
  now = MONDAY
  state: Budgets = budgets.initial()
  private count = 0

  happens(event: DomainEvent, writer = 'box'): void {
    this.state = budgets.evolve(this.state, { event, occurredAt: this.now, writer })
  }

  names(...next: readonly Budget[]): void {
    this.happens({ _tag: 'PolicyChanged', version: 1, policy: { ...defaultPolicy, budgets: next } })
  }

  admits(who: Partial<Admitted> = {}) {
    this.count += 1
    const id = requestId(`req_${this.count}`)
    this.happens({
      ...{ _tag: 'RequestAdmitted', requestId: id, model: MODEL, stream: true, bodyBytes: 1, messages: 1 },
      ...{ tools: 0, images: 0, draw: 0, ...who },
    })
    return id
  }

  starts(id: RequestId, reservedNanoUsd?: number): void {
    this.happens({
      ...{ _tag: 'AttemptStarted', requestId: id, attempt: 1, provider: PROVIDER, model: MODEL },
      ...(reservedNanoUsd === undefined ? {} : { reservedNanoUsd }),
    })
  }

  succeeds(id: RequestId, cost: { readonly costNanoUsd?: number; readonly reportedCostNanoUsd?: number }): void {
    this.happens({
      ...{ _tag: 'AttemptSucceeded', requestId: id, attempt: 1, provider: PROVIDER, model: MODEL, status: 200 },
      ...{ usage: noUsage, stopReason: 'end_turn', ttftMs: 1, durationMs: 1, responseBytes: 1, ...cost },
    })
  }

  fails(id: RequestId, costNanoUsd?: number): void {
    this.happens({
      ...{ _tag: 'AttemptFailed', requestId: id, attempt: 1, provider: PROVIDER, model: MODEL, stage: 'S0' },
      ...{ reason: { _tag: 'ServerError', status: 500 }, durationMs: 1, draw: 0 },
      ...(costNanoUsd === undefined ? {} : { costNanoUsd }),
    })
  }

  spends(nanoUsd: number, who: Partial<Admitted> = {}): void {
    const id = this.admits(who)
    this.starts(id)
    this.succeeds(id, { costNanoUsd: nanoUsd })
  }

  left(who: { readonly [key: string]: string } = {}): readonly number[] {
    return standingsOf(this.state, { model: MODEL, ...who }, this.now).map(({ leftNanoUsd }) => leftNanoUsd)
  }
}

const story = (...definitions: readonly Budget[]): Story => {
  const told = new Story()
  told.names(...definitions)
  return told
}

describe('what is left of a budget', () => {
  it('is its limit less what was spent, by what the provider charged where it said so', () => {
    const told = story(daily)
    expect(told.left()).toEqual([1_000])
    told.spends(300)
    const id = told.admits()
    told.starts(id)
    told.succeeds(id, { costNanoUsd: 200, reportedCostNanoUsd: 150 })
    expect(told.left()).toEqual([550])
  })

  it('holds back what an attempt under way may cost, and gives back what it did not', () => {
    const told = story(daily)
    const id = told.admits()
    told.starts(id, 400)
    expect(told.left()).toEqual([600])
    told.succeeds(id, { costNanoUsd: 100 })
    expect(told.left()).toEqual([900])
  })

  it('counts failed attempts at what they cost, and each attempt of a request', () => {
    const told = story(daily)
    const id = told.admits()
    told.starts(id, 400)
    told.fails(id, 50)
    expect(told.left()).toEqual([950])
    told.starts(id, 400)
    expect(told.left()).toEqual([550])
    told.succeeds(id, { costNanoUsd: 100 })
    expect(told.left()).toEqual([850])
  })

  it('counts what nobody knows the cost of, and takes it for nothing', () => {
    const told = story(daily)
    const id = told.admits()
    told.starts(id)
    told.fails(id)
    expect(told.left()).toEqual([1_000])
    expect([...told.state.accounts.values()]).toMatchObject([{ unpriced: 1 }])
  })

  it('keeps a reservation of a process that died until its request is found abandoned, at what was expected', () => {
    const told = story(daily)
    const id = told.admits()
    told.starts(id, 400)
    told.happens({ _tag: 'BoxStarted', instance: 'next', version: '1' })
    expect(told.left()).toEqual([600])
    told.happens({ _tag: 'RequestAbandoned', requestId: id, attempts: 1, provider: PROVIDER, costNanoUsd: 120 })
    expect(told.left()).toEqual([880])
  })

  it('is whole again with the next period, less what is still under way', () => {
    const told = story(daily)
    told.spends(300)
    const id = told.admits()
    told.starts(id, 400)
    told.now += DAY
    expect(told.left()).toEqual([600])
    told.succeeds(id, { costNanoUsd: 100 })
    expect(told.left()).toEqual([900])
  })

  it('is told apart by key, project, model, session and branch of agents', () => {
    const told = story(
      { ...daily, name: 'ci', key: 'ci' },
      { ...daily, name: 'each session', each: 'session' },
      { ...daily, name: 'each agent', each: 'agent' },
    )
    told.spends(10, { clientKey: 'ci', sessionId: 's1' })
    told.spends(20, { sessionId: 's1', agentId: 'a1' })
    // What a sub-agent starts is booked on the branch of the main loop's agent.
    told.spends(30, { sessionId: 's1', agentId: 'a2', parentAgentId: 'a1' })
    told.spends(40, { sessionId: 's1', agentId: 'a3', parentAgentId: 'a2' })
    told.spends(50, { sessionId: 's2', agentId: 'a4' })
    expect(told.left({ clientKey: 'ci', sessionId: 's3' })).toEqual([990, 1_000, 1_000])
    expect(told.left({ sessionId: 's1', agentId: 'a1' })).toEqual([900, 910])
    expect(told.left({ sessionId: 's1', agentId: 'a3', parentAgentId: 'a2' })).toEqual([900, 910])
    expect(told.left({ sessionId: 's2', agentId: 'a4' })).toEqual([950, 950])
  })

  it('starts with what had been spent before the policy named it', () => {
    const told = story(daily)
    told.spends(100)
    told.happens({
      ...{ _tag: 'BudgetSeeded', budget: 'daily', subject: '', periodStart: MONDAY, until: MONDAY },
      spentNanoUsd: 250,
    })
    expect(told.left()).toEqual([650])
  })

  it('starts with it once, when instances that read the same configuration at the same time all say so', () => {
    const told = story({ ...daily, each: 'session' })
    const seed = (writer: string, subject: string, until = MONDAY) =>
      told.happens(
        {
          ...{ _tag: 'BudgetSeeded', budget: 'daily', subject, periodStart: MONDAY, until, spentNanoUsd: 100 },
        },
        writer,
      )
    seed('one', 's1')
    seed('two', 's1')
    seed('one', 's2')
    seed('two', 's2')
    seed('two', 's3')
    expect(['s1', 's2', 's3'].flatMap((sessionId) => told.left({ sessionId }))).toEqual([900, 900, 1_000])
    // Named anew it is seeded anew.
    told.names()
    told.names({ ...daily, each: 'session' })
    seed('two', 's1', MONDAY + 1)
    seed('one', 's1', MONDAY + 1)
    expect(told.left({ sessionId: 's1' })).toEqual([900])
  })

  it('keeps what was spent when only its limit changes, and forgets it when it becomes a budget of others', () => {
    const told = story(daily)
    told.spends(100)
    told.names({ ...daily, limitNanoUsd: 2_000, hard: {} })
    expect(told.left()).toEqual([1_900])
    told.names({ ...daily, project: 'web' })
    expect(told.left({ project: 'web' })).toEqual([1_000])
  })
})

describe('the accounts of budgets', () => {
  it('are at most so many, and never lose what is held back', () => {
    const told = story({ ...daily, each: 'session' })
    const id = told.admits({ sessionId: 'first' })
    told.starts(id, 400)
    for (let n = 0; n < ACCOUNTS_KEPT + 50; n++) told.spends(1, { sessionId: `s${n}` })
    expect(told.state.accounts.size).toBeLessThanOrEqual(ACCOUNTS_KEPT + 1)
    expect(told.left({ sessionId: 'first' })).toEqual([600])
  })

  it('come to the limit less all that was spent, in any order of starts and ends', () => {
    const steps = fc.array(fc.record({ cost: fc.nat(100), reserved: fc.nat(200), fails: fc.boolean() }), {
      maxLength: 30,
    })
    fc.assert(
      fc.property(steps, fc.infiniteStream(fc.nat(29)), (attempts, picks) => {
        const told = story({ ...daily, limitNanoUsd: 1_000_000 })
        const open = attempts.map((attempt) => {
          const id = told.admits()
          told.starts(id, attempt.reserved)
          return { id, ...attempt }
        })
        const reserved = attempts.reduce((sum, attempt) => sum + attempt.reserved, 0)
        expect(told.left()).toEqual([1_000_000 - reserved])
        while (open.length > 0) {
          const [one] = open.splice((picks.next().value ?? 0) % open.length, 1)
          if (one === undefined) break
          if (one.fails) told.fails(one.id, one.cost)
          else told.succeeds(one.id, { costNanoUsd: one.cost })
        }
        expect(told.left()).toEqual([1_000_000 - attempts.reduce((sum, { cost }) => sum + cost, 0)])
      }),
    )
  })
})
