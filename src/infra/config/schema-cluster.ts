/**
 * What concerns several instances on one log. See schema.ts for the annotations.
 */
import { Schema } from 'effect'
import { choice, opt, text } from '#infra/config/schema-leaf.ts'

export const Cluster = Schema.Struct({
  instance: opt(
    text('a name').annotate({
      description:
        'What this instance is called in lists and alerts. Default: the name of the machine, in a container its own.',
    }),
  ),
  spool: opt(
    text('a path').annotate({
      description:
        'Folder in which events wait while the database cannot be reached. Default: `signalbox/spool` in the XDG data folder. Keep it over restarts: what waits there is not in the database yet.',
      form: 'path',
    }),
  ),
  whileAway: opt(
    choice(
      ['granted', 'deny'],
      'What hard budgets do while the database cannot be reached: `granted` pays what this instance was granted before, `deny` pays nothing.',
      { default: 'granted' },
    ),
  ),
}).annotate({
  description:
    'Several instances on one PostgreSQL ([operations](operations.md#many-instances)). Without effect on a log in SQLite. Takes effect at the next start.',
})
