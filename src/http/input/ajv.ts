import { Ajv } from 'ajv'

/**
 * The validator of request bodies. It is not strict: the schemas of the resources hold keywords and formats that only
 * Kubernetes knows. It is verbose because `describeAjvErrors` needs the values.
 */
export const ajv = new Ajv({ strict: false, allErrors: true, verbose: true, validateFormats: false })
