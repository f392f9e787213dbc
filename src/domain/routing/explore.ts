/**
 * Learning about candidates that are not best: for a share of the requests any of the first group comes first, all alike. No
 * rule that stands above the scores is broken for it: a substitute, or a provider that is short of a limit, is not explored
 * while there is another. Nor does a conversation leave a warm cache for it, which would cost many times what is learned.
 */
import type { Ranked } from '#domain/routing/order.ts'

/** `draw` in [0, 1): below `share` it explores, and where below tells whom. */
export const explored = (order: readonly Ranked[], share: number, draw: number): readonly Ranked[] => {
  if (draw >= share) return order
  const among = explorable(order)
  const chosen = among[Math.floor((draw / share) * among.length)]
  return chosen === undefined ? order : withFirst(order, chosen)
}

/** Every order that exploring makes of this one, each as likely as the others. */
export const explorations = (order: readonly Ranked[]): readonly (readonly Ranked[])[] =>
  explorable(order).map((chosen) => withFirst(order, chosen))

const explorable = (order: readonly Ranked[]): readonly Ranked[] => {
  const [first] = order
  if (first === undefined) return []
  return first.candidate.outlook.cachedTokens > 0 ? [first] : order.filter(({ group }) => group === first.group)
}

const withFirst = (order: readonly Ranked[], chosen: Ranked): readonly Ranked[] => [
  chosen,
  ...order.filter((one) => one !== chosen),
]
