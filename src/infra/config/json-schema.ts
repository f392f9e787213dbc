import { JsonSchema, Schema } from 'effect'
import { ConfigFile } from '#infra/config/schema.ts'

/** docs/configuration.schema.json: for editors that complete and check YAML. Draft 7, which all of them know. */
export const configurationJsonSchema = (): string => {
  const document = JsonSchema.toDocumentDraft07(Schema.toJsonSchemaDocument(ConfigFile, { onExcessProperty: 'error' }))
  const schema = { $schema: JsonSchema.META_SCHEMA_URI_DRAFT_07, ...document.schema }
  return `${JSON.stringify(schema, null, 2)}\n`
}
