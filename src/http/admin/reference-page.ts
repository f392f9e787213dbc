/**
 * The OpenAPI document as a page for people: plain HTML without scripts, so that nothing is loaded and nothing can be injected.
 */
import { createHash } from 'node:crypto'
import type { OpenApi } from 'effect/http-api'

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 0 auto; padding: 1rem; }
code, pre { font: 0.875rem/1.4 ui-monospace, monospace; }
pre { overflow-x: auto; padding: 0.75rem; border: 1px solid color-mix(in srgb, currentColor 20%, transparent); }
h3 { font: 600 1rem/1.5 ui-monospace, monospace; margin-top: 2rem; overflow-wrap: anywhere; }
table { border-collapse: collapse; }
td, th { text-align: left; vertical-align: top; padding: 0.25rem 1rem 0.25rem 0; }
nav ul { list-style: none; padding: 0; }
summary { cursor: pointer; }
`

const styleHash = createHash('sha256').update(STYLE).digest('base64')

/** Nothing but the page's own style. */
export const REFERENCE_POLICY = `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`

type Operation = OpenApi.OpenAPISpecOperation
interface Endpoint {
  readonly id: string
  readonly method: string
  readonly path: string
  readonly operation: Operation
}

export const referencePage = (document: OpenApi.OpenAPISpec): string => {
  const endpoints = endpointsOf(document)
  const groups = document.tags.map((tag) => ({
    ...tag,
    endpoints: endpoints.filter(({ operation }) => operation.tags.includes(tag.name)),
  }))
  const { title, version, description } = document.info
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<header><h1>${escaped(title)}</h1><p>Version ${escaped(version)}. <a href="openapi.json">openapi.json</a></p></header>
${paragraph(description)}
<nav aria-label="Endpoints"><ul>
${endpoints.map(({ id, method, path }) => `<li><a href="#${id}"><code>${method} ${escaped(path)}</code></a></li>`).join('\n')}
</ul></nav>
<main>
${groups.map((group) => `<section><h2>${escaped(group.name)}</h2>${paragraph(group.description)}${group.endpoints.map(article).join('\n')}</section>`).join('\n')}
<section><h2>Schemas</h2>
${Object.entries(document.components.schemas)
  .map(([name, schema]) => `<h3 id="schema-${escaped(name)}">${escaped(name)}</h3>${json(schema)}`)
  .join('\n')}
</section>
</main>
</body>
</html>
`
}

const VERBS = ['get', 'put', 'post', 'delete', 'patch'] as const

const endpointsOf = ({ paths }: OpenApi.OpenAPISpec): readonly Endpoint[] =>
  Object.entries(paths).flatMap(([path, item]) =>
    VERBS.flatMap((verb) => {
      const operation = item[verb]
      return operation === undefined
        ? []
        : [{ id: escaped(operation.operationId), method: verb.toUpperCase(), path, operation }]
    }),
  )

const article = ({ id, method, path, operation }: Endpoint): string => `<article>
<h3 id="${id}">${method} ${escaped(path)}</h3>
${paragraph(operation.description)}
${parameters(operation)}
${operation.requestBody === undefined ? '' : details('Body', operation.requestBody.content)}
${Object.entries(operation.responses)
  .map(([status, response]) => details(`${status} ${response.description}`, response.content ?? {}))
  .join('\n')}
</article>`

const parameters = ({ parameters: all }: Operation): string =>
  all.length === 0
    ? ''
    : `<table><thead><tr><th scope="col">Parameter</th><th scope="col">In</th><th scope="col"></th><th scope="col">Schema</th></tr></thead><tbody>
${all.map(({ name, in: where, required, schema }) => `<tr><td><code>${escaped(name)}</code></td><td>${where}</td><td>${required ? 'required' : ''}</td><td><code>${escaped(JSON.stringify(schema))}</code></td></tr>`).join('\n')}
</tbody></table>`

const details = (summary: string, content: OpenApi.OpenApiSpecContent): string =>
  `<details><summary>${escaped(summary)}</summary>${Object.entries(content)
    .map(([type, { schema }]) => `<p><code>${escaped(type)}</code></p>${json(schema)}`)
    .join('')}</details>`

/** Names of schemas lead to them. */
const json = (schema: unknown): string =>
  `<pre><code>${escaped(JSON.stringify(schema, null, 2)).replaceAll(
    /&quot;#\/components\/schemas\/([\w.-]+)&quot;/g,
    '<a href="#schema-$1">$1</a>',
  )}</code></pre>`

const paragraph = (text: string | undefined): string => (text === undefined ? '' : `<p>${escaped(text)}</p>`)

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
