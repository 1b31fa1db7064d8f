// The files of the message that is being written. They are handed in at once, so that only their ids have to be kept.

import { ApiError, newId, sendFile } from "./api.js";
import { announce, byId, h, icon } from "./dom.js";
import { keep, recall } from "./kept.js";
import { sizeOf, t } from "./texts.js";

const MB = 1024 * 1024;

const list = byId("attached");
const chat = byId("chat");
const chooser = byId("file");
const { mostFiles, largestMb } = document.body.dataset;

/** `changed()` is called whenever something about them is new. */
export function createAttachments(changed) {
  let attached = recall("draft-files", []);

  function show() {
    const kept = attached.filter((each) => each.id).map(({ key, id, name, size }) => ({ key, id, name, size }));
    keep("draft-files", kept);
    list.replaceChildren(...attached.map(chip));
    list.hidden = !attached.length;
    changed();
  }

  function chip(each) {
    const state = each.problem || (each.id ? sizeOf(each.size) : t("uploading"));
    const retry = each.problem && !each.permanent;
    return h(
      "li",
      { class: each.problem ? "attachment failed" : "attachment", "aria-busy": String(!each.id && !each.problem) },
      icon("page"),
      h("span", { class: "attachment-name" }, each.name),
      h("span", { class: "attachment-state" }, state),
      retry ? button("retry", t("retry"), () => upload(each)) : null,
      button("close", t("remove_file", { name: each.name }), () => remove(each)),
    );
  }

  const button = (sign, label, press) =>
    h("button", { type: "button", class: "attachment-button", title: label, "aria-label": label, onclick: press }, icon(sign));

  function add(files) {
    for (const file of files) {
      if (attached.length >= Number(mostFiles)) {
        announce(t("too_many_files", { limit: mostFiles }));
        break;
      }
      const each = { key: newId(), name: file.name || t("attach"), size: file.size, file };
      attached.push(each);
      upload(each);
    }
  }

  async function upload(each) {
    Object.assign(each, { problem: "", permanent: false });
    show();
    try {
      if (each.size > Number(largestMb) * MB) throw new ApiError(t("error_file_too_large", { limit: largestMb }), true);
      Object.assign(each, await sendFile(each.file));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      Object.assign(each, { problem: error.message, permanent: error.permanent });
      announce(`${each.name}: ${error.message}`);
    }
    if (attached.includes(each)) show();
  }

  function remove(each) {
    attached = attached.filter((other) => other !== each);
    show();
    byId("text").focus();
  }

  byId("attach").addEventListener("click", () => chooser.click());
  chooser.addEventListener("change", () => {
    add(chooser.files);
    chooser.value = "";
  });
  byId("text").addEventListener("paste", (event) => {
    if (!event.clipboardData.files.length) return;
    event.preventDefault();
    add(event.clipboardData.files);
  });
  takeDropped(add);
  show();

  return {
    /** Whether there are any, and whether all of them could be sent now. */
    any: () => attached.length > 0,
    ready: () => attached.every((each) => each.id),
    /** Take them out, to be sent. */
    take() {
      const taken = attached.map(({ id, name, size }) => ({ id, name, size }));
      attached = [];
      show();
      return taken;
    },
  };
}

function takeDropped(add) {
  const dragsFiles = (event) => event.dataTransfer?.types.includes("Files");
  chat.addEventListener("dragover", (event) => {
    if (!dragsFiles(event)) return;
    event.preventDefault();
    chat.classList.add("dropping");
  });
  chat.addEventListener("dragleave", (event) => {
    if (!chat.contains(event.relatedTarget)) chat.classList.remove("dropping");
  });
  chat.addEventListener("drop", (event) => {
    if (!dragsFiles(event)) return;
    event.preventDefault();
    chat.classList.remove("dropping");
    add(event.dataTransfer.files);
  });
}
