import { Ajv, type Options } from 'ajv'

/**
 * Not strict: the schemas of the resources hold keywords and formats that only Kubernetes knows. The schemas are ours, and
 * are not validated again at each start: tests validate the OpenAPI document, which has them.
 */
const options: Options = { strict: false, allErrors: true, validateFormats: false, meta: false, validateSchema: false }

/** The validator of request bodies. It is verbose because `describeAjvErrors` needs the values. */
export const ajv = new Ajv({ ...options, verbose: true })

/** The validator of bodies with secrets: its errors have no values. */
export const discreetAjv = new Ajv(options)
