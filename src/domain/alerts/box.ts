/**
 * The box itself: a log that cannot write, a disk that is nearly full.
 */
import { alertIdOf, type Found, tooLittle } from '#domain/alerts/found.ts'
import type { AlertRules } from '#domain/alerts/rules.ts'
import type { AlertView } from '#domain/alerts/view.ts'

/** A lock or a slow disk for a moment is nobody's business. */
const LOG_FAILING_MS = 10_000

export const boxAlerts = (view: AlertView, rules: AlertRules, at: number): readonly Found[] => [
  ...(rules.logFailing ? [logFailing(view.logFailingSince, at)] : []),
  ...diskSpace(view.diskFreeBytes, rules.diskSpaceBytes),
]

/** It clears with the first write. */
const logFailing = (since: number | null, at: number): Found => {
  const value = since === null ? 0 : Math.max(0, at - since)
  return {
    ...{ alertId: alertIdOf('logFailing', ''), kind: 'logFailing', subject: '', severity: 'critical' },
    ...{ value, threshold: LOG_FAILING_MS },
    standing: since === null ? 'under' : value >= LOG_FAILING_MS ? 'over' : 'between',
  }
}

/** Where the space cannot be told it stays as it was. */
const diskSpace = (free: number | null, threshold: number | null): readonly Found[] =>
  threshold === null
    ? []
    : [
        {
          ...{ alertId: alertIdOf('diskSpace', ''), kind: 'diskSpace', subject: '', severity: 'critical' },
          ...{ value: free ?? threshold, threshold },
          standing: free === null ? 'between' : tooLittle(free, threshold),
        },
      ]
