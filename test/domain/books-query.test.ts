import fc from 'fast-check'
import { expect, it } from 'vitest'
import { noCost } from '#domain/books.ts'
import { type AgentBook, agentTree } from '#domain/books-query.ts'

const names = fc.constantFrom('a', 'b', 'c', 'd', null)
const agents = fc.array(
  fc.record({ agentId: names, parentAgentId: names, nano: fc.nat(1_000) }).map(({ nano, ...agent }) => ({
    ...agent,
    sums: { ...noCost, costNanoUsd: nano },
  })),
  { maxLength: 12 },
)

const all = (book: AgentBook): readonly AgentBook[] => [book, ...book.agents.flatMap(all)]

it('hangs every agent once on the tree, whoever clients say started whom, and loses no cost', () => {
  fc.assert(
    fc.property(agents, (given) => {
      const tree = agentTree(given)
      const books = all(tree)
      expect(books.map(({ agentId }) => agentId).toSorted()).toEqual(
        [...new Set([null, ...given.map(({ agentId }) => agentId)])].toSorted(),
      )
      expect(tree.branch.costNanoUsd).toBe(given.reduce((sum, { sums }) => sum + sums.costNanoUsd, 0))
      for (const { sums, branch, agents: below } of books) {
        const ofAll = below.reduce((sum, one) => sum + one.branch.costNanoUsd, sums.costNanoUsd)
        expect(branch.costNanoUsd).toBe(ofAll)
      }
    }),
  )
})
