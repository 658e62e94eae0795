// @ts-check
/** The engine in a module worker: every message is a question (see protocol.js). */
import { bytesOf, intactlyKept } from "../files/fetching.js";
import { Service } from "./service.js";

const service = new Service({ bytesOf, kept: async (file) => !!(await intactlyKept(file)), say: (said) => postMessage(said) });
onmessage = ({ data }) => void service.answer(data);
