/**
 * Certificates in the configuration file: of the server, and towards a provider. See schema.ts for the annotations.
 */
import { Schema } from 'effect'
import { choice, opt, text } from '#infra/config/schema-leaf.ts'

const file = (description: string) => text('a path').annotate({ description, form: 'path' })

/** Of the commands that ask the running server. */
const CommandTls = Schema.Struct({
  ca: opt(file('PEM file of a certificate authority that they trust beside the usual ones and `certFile`.')),
  certFile: opt(file('PEM file of the certificate that they show, where `clientCaFile` has one asked for.')),
  keyFile: opt(file('PEM file of its private key.')),
}).annotate({
  description:
    'How the commands that ask the running Signalbox (`keys`, `capture`, `tune --apply`, `statusline`) and `code` speak TLS to it.',
  hint: { caFile: 'ca', cert: 'certFile', key: 'keyFile' },
})

/** The server's own. */
export const ServerTls = Schema.Struct({
  certFile: file('PEM file of the certificate, and of those between it and its authority.'),
  keyFile: file('PEM file of its private key.'),
  clientCaFile: opt(
    file(
      'PEM file of the authorities of clients’ certificates. With it nobody is served who shows none of theirs (mutual TLS).',
    ),
  ),
  commands: opt(CommandTls),
  minVersion: opt(choice(['TLSv1.2', 'TLSv1.3'], 'The oldest version that is spoken.', { default: 'TLSv1.2' })),
}).annotate({
  description:
    'Serve HTTPS ([security](security.md#tls)). The files are read again when they change; bad ones change nothing.',
  hint: { cert: 'certFile', key: 'keyFile', ca: 'clientCaFile' },
})

/** Towards a provider. */
export const ProviderTls = Schema.Struct({
  ca: opt(file('PEM file of a certificate authority that is trusted for this provider.')),
  certFile: opt(file('PEM file of a certificate to show, for servers that ask for one (mutual TLS).')),
  keyFile: opt(file('PEM file of its private key.')),
}).annotate({
  description: 'TLS to this provider. The files are read again when they change.',
  hint: { caFile: 'ca', cert: 'certFile', key: 'keyFile' },
})
