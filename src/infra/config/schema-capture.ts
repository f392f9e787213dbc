/**
 * Captures of prompts and answers. See schema.ts for the annotations.
 */
import { Schema } from 'effect'
import { REQUEST_KINDS } from '#domain/policy.ts'
import { sizePattern } from '#infra/config/quantities.ts'
import { choice, duration, flag, opt, share, text } from '#infra/config/schema-leaf.ts'

const CaptureRule = Schema.Struct({
  kind: opt(choice(REQUEST_KINDS, 'Only requests of this kind.')),
  model: opt(
    text('a model name, with * for any text').annotate({
      description: 'Only requests for such a model, as the client names it.',
    }),
  ),
  project: opt(text('the name of a project').annotate({ description: 'Only requests of this project.' })),
  key: opt(text('the name of a client key').annotate({ description: 'Only requests with this client key.' })),
  provider: opt(
    text('the name of a provider').annotate({
      description: 'Only requests that this provider served, or was the last to fail.',
    }),
  ),
}).annotate({ description: 'One rule; what it does not name fits everything.' })

export const Capture = Schema.Struct({
  enabled: flag('Keep the prompts and answers of requests.', false),
  sampleShare: share('Share of the requests that fit which is captured.', 1),
  only: opt(
    Schema.Record(
      Schema.String.check(
        Schema.isPattern(/^[A-Za-z][A-Za-z0-9]*([_-][A-Za-z0-9]+)*$/u),
        Schema.isMaxLength(64),
      ).annotate({ expected: 'a name of letters and digits, with single - or _ between (at most 64 characters)' }),
      CaptureRule,
    ).annotate({
      description: 'Which requests are captured, as rules by their names; one must fit. Without it all are.',
      entry: 'rule',
    }),
  ),
  retention: duration('Captures go when they are so old.', 604_800_000),
  maxBytes: opt(
    Schema.Union([
      Schema.String.check(Schema.isPattern(sizePattern)),
      Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
    ]).annotate({
      description: 'The oldest captures go before the file grows larger; at least 1 MB.',
      default: '1 GB',
      expected: 'a size such as 500 MB (or a number of bytes)',
      form: 'size',
    }),
  ),
  key: opt(
    Schema.Union([
      Schema.Struct({
        env: text('the name of an environment variable').annotate({
          description: 'Name of the environment variable that holds it.',
        }),
      }),
      Schema.Struct({
        file: text('a path').annotate({ description: 'Path of a file that holds it and nothing else.' }),
      }),
    ]).annotate({
      description:
        'Where the key is found with which the file is encrypted: 32 bytes in base64, or a passphrase. Without it the file is not encrypted.',
      expected: '{ env: NAME } or { file: PATH }',
      credential: true,
    }),
  ),
  redact: opt(
    Schema.Array(text('a regular expression')).annotate({
      description:
        'Regular expressions: what else is replaced before it is kept, beside everything that has the form of a credential.',
      default: [],
      expected: 'a list of regular expressions',
      form: 'list',
    }),
  ),
  folder: opt(
    text('a path').annotate({
      description: 'Folder of the file `captures.db`. Default: that of the event log.',
      form: 'path',
    }),
  ),
}).annotate({
  description: 'Prompts and answers, off by default ([captures](capture.md)). Takes effect at the next start.',
})
