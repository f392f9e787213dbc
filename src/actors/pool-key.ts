/** The name under which instances share the money of a budget: each of its accounts, in each of its periods, is a pool of its own. */
export const poolKey = (budget: string, subject: string, periodStart: number): string =>
  JSON.stringify([budget, subject, periodStart])
