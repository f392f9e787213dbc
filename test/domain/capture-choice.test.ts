/** Which requests are captured. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isChosen } from '#domain/capture-choice.ts'
import { modelId, providerId, requestId } from '#domain/ids.ts'

const request = (id: string) => ({
  ...{ requestId: requestId(id), model: modelId('claude-sonnet-5-5'), stream: true, tools: 12 },
  ...{ bodyBytes: 1, messages: 1, images: 0, project: 'signalbox', clientKey: 'ci' },
})
const vertex = providerId('vertex')

describe('the choice of what is captured', () => {
  it('takes the named share, the same requests every time', () => {
    const ids = Array.from({ length: 4_000 }, (_, n) => request(`req_${n}`))
    const chosen = (sampleShare: number) =>
      ids.filter((one) => isChosen({ sampleShare, only: [] }, one, vertex)).map((one) => one.requestId)
    expect(chosen(0)).toHaveLength(0)
    expect(chosen(1)).toHaveLength(4_000)
    expect(chosen(0.25).length).toBeGreaterThan(900)
    expect(chosen(0.25).length).toBeLessThan(1_100)
    expect(chosen(0.25)).toEqual(chosen(0.25))
    const half = new Set(chosen(0.5))
    expect(chosen(0.25).every((id) => half.has(id))).toBe(true)
  })

  it.each([
    [{ kind: 'main' as const }, true],
    [{ kind: 'background' as const }, false],
    [{ model: 'claude-sonnet-*' }, true],
    [{ model: 'claude-haiku-*' }, false],
    [{ project: 'signalbox' }, true],
    [{ project: 'other' }, false],
    [{ key: 'ci' }, true],
    [{ key: 'anna' }, false],
    [{ provider: vertex }, true],
    [{ provider: providerId('local') }, false],
    [{ project: 'signalbox', key: 'anna' }, false],
    [{}, true],
  ])('knows the rule %j', (rule, fits) => {
    expect(isChosen({ sampleShare: 1, only: [rule] }, request('req_1'), vertex)).toBe(fits)
  })

  it('needs one rule of several, and leaves a rule about the provider open until that is known', () => {
    const only = [{ key: 'anna' }, { provider: providerId('local') }]
    expect(isChosen({ sampleShare: 1, only }, request('req_1'), undefined)).toBe(true)
    expect(isChosen({ sampleShare: 1, only }, request('req_1'), vertex)).toBe(false)
    expect(isChosen({ sampleShare: 1, only: [...only, {}] }, request('req_1'), vertex)).toBe(true)
  })

  it('never takes at the end what it did not take at the beginning', () => {
    const rule = fc.record(
      { key: fc.constantFrom('ci', 'anna'), provider: fc.constantFrom(vertex, providerId('local')) },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(fc.string(), fc.double({ min: 0, max: 1, noNaN: true }), fc.array(rule), (id, sampleShare, only) => {
        const choice = { sampleShare, only }
        if (isChosen(choice, request(id), vertex)) expect(isChosen(choice, request(id), undefined)).toBe(true)
      }),
    )
  })
})
