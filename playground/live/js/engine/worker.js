// @ts-check
/** The engine in a module worker: every message is a question (see protocol.js). */
import { bytesOf } from "../files/fetching.js";
import { Service } from "./service.js";

const service = new Service({ bytesOf, say: (said) => postMessage(said) });
onmessage = ({ data }) => void service.answer(data);
