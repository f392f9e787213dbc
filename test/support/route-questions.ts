/**
 * Any question for a route: any policy, request and state of the machines.
 */
import fc from 'fast-check'
import type { ProviderId } from '#domain/ids.ts'
import type { RouteQuestion } from '#domain/routing/choose-route.ts'
import type { Admission, Candidate } from '#domain/routing/eligibility.ts'
import { policies, requests } from '#test/generators.ts'
import { outlooks } from '#test/prospects.ts'

const said: fc.Arbitrary<Admission> = fc.oneof(
  fc.constantFrom(0.1, 0.25, 0.5, 1).map((share) => ({ admit: 'yes', share }) as const),
  fc.constant({ admit: 'probe' } as const),
  fc.constant({ admit: 'no', reason: 'throttled', until: 9 } as const),
)

export const routeQuestions: fc.Arbitrary<RouteQuestion> = fc
  .record({
    request: requests,
    policy: policies,
    said: fc.array(said, { minLength: 4, maxLength: 4 }),
    // Fewer kinds than providers make some alike.
    known: fc.array(outlooks, { minLength: 1, maxLength: 4 }),
  })
  .map(({ said, known, ...rest }) => {
    const of = new Map(rest.policy.providers.map(({ id }, n) => [id, said[n]!]))
    const inputTokens = () => Math.ceil(rest.request.bodyBytes / 4)
    const kind = new Map(rest.policy.providers.map(({ id }, n) => [id, known[n % known.length]!]))
    const outlook = (candidate: Candidate) => kind.get(candidate.provider.id)!
    return { ...rest, policyVersion: 1, at: 0, admission: (id: ProviderId) => of.get(id)!, inputTokens, outlook }
  })
