"""What the page says, in English and Chinese, and the kit's own sentences in Chinese where visitors meet them."""

from __future__ import annotations

import re

LANGUAGES = {"en": "English", "zh": "中文"}  # code -> what it calls itself

_WORDS: dict[str, tuple[str, str]] = {
    # the page
    "title": ("Make a face speak", "让照片开口说话"),
    "intro": (
        "Choose a face, give it something to say, and press the button. You get a video in which the face says it.",
        "选一张脸，给它一段话，按下按钮，就能得到一段这张脸说这段话的视频。",
    ),
    "tab_dub": ("Make a video", "制作视频"),
    "tab_live": ("Live", "实时"),
    "tab_mark": ("AI-made?", "AI 鉴别"),  # short: tabs that do not fit a phone are hidden behind a "…"
    # the face
    "face": ("1. The face", "1. 选择面孔"),
    "face_nobody": ("Made up", "虚拟人物"),
    "face_upload": ("Upload", "上传"),
    "face_camera": ("Camera", "拍照"),
    "nobody_help": (
        "These people do not exist: each is blended from several photographs. Choose one.",
        "这些人并不存在，每张脸都由多张照片合成。请选一位。",
    ),
    "face_file": ("A picture or video that shows a face", "有人脸的图片或视频"),
    "face_photo": ("Look into the camera and take a picture", "看向摄像头，拍一张照片"),
    # the speech
    "speech": ("2. The speech", "2. 要说的话"),
    "speech_type": ("Type", "打字"),
    "speech_record": ("Record", "录音"),
    "speech_upload": ("Upload", "上传"),
    "text": ("What should the face say?", "想让它说什么？"),
    "text_example": ("Hello! I am not a real person, but I can talk.", "你好！我不是真人，但我会说话。"),
    "language": ("Language", "语言"),
    "by_script": ("Automatic", "自动"),
    "voice": ("Voice", "声音"),
    "voice_default": ("Standard", "标准"),
    "voice_woman": ("Woman {}", "女声 {}"),
    "voice_man": ("Man {}", "男声 {}"),
    "no_voices": (
        "Typed text cannot be spoken here, because espeak-ng is not installed; whoever runs this page can type pip "
        'install "w2l[voices]". Record or upload the speech instead.',
        '这里没有安装 espeak-ng，不能朗读文字（运行本页面的人可以执行 pip install "w2l[voices]"）。请改用录音或上传。',
    ),
    "recording": ("Press record, speak, and press stop", "点击录音开始说话，说完点击停止"),
    "speech_file": ("A sound file, or a video whose sound is used", "音频文件，或取用其声音的视频"),
    # settings
    "settings": ("Settings", "设置"),
    "weights": ("Weights", "权重"),
    "weights_help": ("The network that draws the mouth.", "绘制嘴部的网络。"),
    "which": ("Which face, if there are several", "有多张脸时，选哪一张"),
    "which_main": ("The main one", "主要的"),
    "which_largest": ("The largest", "最大的"),
    "which_centre": ("Nearest the centre", "最靠近中央的"),
    "which_number": ("Number {}", "第 {} 号"),
    "resize": ("Make the picture smaller", "缩小画面"),
    "resize_no": ("No", "不缩小"),
    "resize_by": ("{} times", "{} 倍"),
    "gate": ("Keep the mouth closed in pauses", "停顿时保持闭嘴"),
    "pads": ("Enlarge the box around the face, in pixels", "扩大人脸框（像素）"),
    "pads_help": (
        "If the chin is cut off, give more at the bottom.",
        "如果下巴被切掉，请增大“下”。",
    ),
    "top": ("Top", "上"),
    "bottom": ("Bottom", "下"),
    "left": ("Left", "左"),
    "right": ("Right", "右"),
    "moment": ("Moment to preview, in % of the speech", "预览时刻（占语音的百分比）"),
    "look": ("Preview one frame", "预览一帧"),
    # consent
    "consent": (
        "Everyone who is seen or heard has agreed to this video, and I will tell viewers that it is AI-generated.",
        "画面中和声音里的每个人都已同意制作这段视频，我也会告知观众它由 AI 生成。",
    ),
    "consent_help": (
        "Not needed for made-up people with a typed voice. Your agreement is kept in a log.",
        "虚拟人物配合打字朗读时不需要。您的同意会记入日志。",
    ),
    "consent_missing": (
        "Please confirm first that everyone who is seen or heard has agreed (the box above the button).",
        "请先勾选按钮上方的选项，确认画面中和声音里的每个人都已同意。",
    ),
    "limits": (
        "Speech of up to {seconds} s, files of up to {megabytes} MB, frames of up to {pixels} (larger ones are made "
        "smaller). Your files are yours alone and are deleted after an hour.",
        "语音最长 {seconds} 秒，文件最大 {megabytes} MB，画面最大 {pixels}（更大的会自动缩小）。"
        "您的文件只有您自己能看到，一小时后删除。",
    ),
    "make": ("Make the video", "制作视频"),
    "cancel": ("Cancel", "取消"),
    "cancelled": ("Cancelled. Nothing was kept.", "已取消，没有留下任何文件。"),
    # work
    "waiting": ("Waiting: {} before you", "排队中：前面还有 {} 个"),
    "read the speech": ("Reading the speech", "读取语音"),
    "load the weights": ("Loading the network", "加载网络"),
    "find the face": ("Finding the face", "寻找人脸"),
    "draw the mouth": ("Drawing the mouth", "绘制嘴部"),
    "mark the file": ("Marking the file as AI-generated", "写入 AI 生成标记"),
    "say": ("Speaking the text", "朗读文字"),
    # the result
    "result": ("3. The video", "3. 视频"),
    "result_empty": ("Your video will appear here.", "视频会显示在这里。"),
    "done": ("{frames} frames in {seconds:.0f} s.", "共 {frames} 帧，用时 {seconds:.0f} 秒。"),
    "download": ("Download the video", "下载视频"),
    "sheet": ("What the network saw and drew (contact sheet)", "网络看到的和画出的（一览图）"),
    "marked": ("How the file says that it is AI-generated", "文件中的 AI 生成标记"),
    "notes": ("Good to know", "说明"),
    "preview_title": ("Preview", "预览"),
    "preview_help": (
        "Left: the frame with the box around the face. Right: the same frame dubbed.",
        "左：带人脸框的原画面；右：配音后的同一帧。",
    ),
    # live
    "live_intro": (
        "Choose a face, press Start and speak: the face says it after you, a fraction of a second later.",
        "选一张脸，点击“开始”，然后说话：这张脸会在片刻之后跟着你说。",
    ),
    "live_own_face": ("Or your own picture or short clip", "或者上传自己的图片或短视频"),
    "live_consent": (
        "Whoever my picture shows has agreed to this, and I will tell viewers that it is AI-generated.",
        "图片中的人已同意这样使用，我也会告知观众画面由 AI 生成。",
    ),
    "live_consent_help": (
        "Not needed for made-up people. Your agreement is kept in a log.",
        "使用虚拟人物时不需要。您的同意会记入日志。",
    ),
    "live_consent_missing": (
        "Please confirm first that whoever your picture shows has agreed (the box above the button).",
        "请先勾选按钮上方的选项，确认图片中的人已同意。",
    ),
    "live_start": ("Start", "开始"),
    "live_stop": ("Stop", "停止"),
    "live_limits": (
        "Up to {most} minutes, or {shared} while others wait. Neither your voice nor the pictures are kept.",
        "每次最长 {most} 分钟，有人排队时为 {shared} 分钟。声音和画面都不会保存。",
    ),
    "live_empty": ("The face will appear here.", "面孔会显示在这里。"),
    "live_fps": ("pictures a second", "帧/秒"),
    "live_delay": ("s from your voice to the picture", "秒（从声音到画面的延迟）"),
    "live_dropped": ("left out", "帧被跳过"),
    "live_level": ("Microphone", "麦克风"),
    "live_insecure": (
        "The browser gives no microphone to this address, because it does not begin with https:// and is not this "
        "machine. Ask whoever runs the page for an https address.",
        "浏览器不允许此网址使用麦克风：它既不是 https:// 开头，也不是本机。请向运行本页面的人索取 https 网址。",
    ),
    "live_old": (
        "This browser cannot stream a microphone; a recent Chrome, Edge, Firefox or Safari can.",
        "此浏览器无法实时使用麦克风，请使用较新的 Chrome、Edge、Firefox 或 Safari。",
    ),
    "live_refused": (
        "The browser does not let this page hear the microphone. Allow it in the address bar; if the page is shown "
        "inside another one, open it in a tab of its own.",
        "浏览器没有允许本页面使用麦克风。请在地址栏中允许；如果本页面嵌在其他网页里，请在单独的标签页中打开。",
    ),
    "live_no_microphone": ("There is no microphone on this device.", "此设备上没有麦克风。"),
    "live_microphone_broken": (
        "The microphone cannot be heard: another program may be using it, or it was taken away.",
        "麦克风无法使用：可能被其他程序占用，或已被移除。",
    ),
    "live_taken": (
        "Somebody else is live right now, and there is one at a time. Please try again in a moment.",
        "现在有其他人正在使用实时功能，每次只能一人。请稍后再试。",
    ),
    "live_busy": (
        "A video is being made right now, which takes the whole machine. Please try again in a moment.",
        "现在正在制作视频，占用了整台机器。请稍后再试。",
    ),
    "live_left": (
        "The stream ended, because nothing was heard from this page any more.",
        "本页面已没有动静，实时已结束。",
    ),
    "live_long": (
        "The time is over. Press Start to go on, unless somebody else was waiting.",
        "时间到了。如果没有人在排队，可以再次点击“开始”。",
    ),
    "live_broken": (
        "Something went wrong, and the stream has ended. Press Start again.",
        "出错了，实时已结束。请再次点击“开始”。",
    ),
    "live_ended": ("The stream has ended.", "实时已结束。"),
    "live_again": ("The stream begins anew.", "重新开始。"),
    "live_lost": ("The connection to the page was lost.", "与页面的连接已断开。"),
    # marks
    "mark_intro": (
        "Drop a video or picture here to read whether it says that AI made or edited it.",
        "把视频或图片拖到这里，读取其中的 AI 生成标记。",
    ),
    "mark_file": ("A video or picture", "视频或图片"),
    "mark_yes": ("This file says that it was made or edited by AI.", "此文件标明由 AI 生成或编辑。"),
    "mark_no": (
        "This file carries no mark that says so. That proves nothing: marks are often lost on the way.",
        "此文件没有这样的标记。但这不能证明什么：标记常常在传播中丢失。",
    ),
    # errors
    "no_face_given": ("Please choose a face first (step 1).", "请先选择面孔（第 1 步）。"),
    "no_speech_given": ("Please give some speech first (step 2).", "请先提供要说的话（第 2 步）。"),
    "no_file_given": ("Please choose a file first.", "请先选择文件。"),
    "gone": (
        "This file is no longer here (files are deleted after an hour); give it again.",
        "文件已不在这里（一小时后会删除），请重新提供。",
    ),
    "broken": (
        "Something went wrong in the program ({}). Whoever runs the page finds more in its terminal.",
        "程序出错（{}）。运行本页面的人可在终端中查看详情。",
    ),
    "error_other": ("{}", "无法完成：{}"),
}

# Sentences of the kit that visitors meet most, and what they are in Chinese; groups are put in by number.
_SENTENCES: tuple[tuple[str, str], ...] = (
    (r"(.+) is silent from beginning to end; .*", "{0} 从头到尾没有声音，请换一个有说话声的文件。"),
    (r"no face was found in (.+?); .*", "在 {0} 中没有找到人脸，请换一张脸部清晰、正对镜头的图片或视频。"),
    (r"no face was found at that moment of (.+?); .*", "在 {0} 的这一时刻没有找到人脸，请换一个时刻。"),
    (r"mouth or eyes lie outside the picture .*", "此刻嘴或眼睛在画面之外，请换一个时刻。"),
    (
        r"the speech lasts (\d+) s, and at most (\d+) s are dubbed here; .*",
        "语音长 {0} 秒，这里最多接受 {1} 秒，请缩短。",
    ),
    (r"the text has (\d+) characters, and at most (\d+) .*", "文字有 {0} 个字符，这里最多接受 {1} 个，请缩短。"),
    (r"(.+) has (\d+) MB, and at most (\d+) are taken; .*", "{0} 有 {1} MB，这里最多接受 {2} MB，请缩短。"),
    (r"(.+) has no sound; .*", "{0} 没有声音，请提供有说话声的文件。"),
    (r"(.+) is shorter than a video frame .*", "{0} 太短，请提供更长的语音。"),
    (r"(.+) cannot be read as sound .*", "{0} 无法作为音频读取，请转换为 wav 或换一个文件。"),
    (r"(.+) cannot be (?:read|decoded|opened).*", "{0} 无法读取，请换一个文件。"),
    (r"(.+) is an? (.+?), not .*", "{0} 不是图片、视频或音频文件，请换一个文件。"),
    (r"(.+) is empty.*", "{0} 是空文件，请换一个文件。"),
    (r"the text holds no word .*", "没有可以朗读的文字，请输入一些。"),
    (r"the speech is longer than the clip: .*", "语音比视频长，视频会来回播放。"),
    (r"(\d+) of (\d+) frames show no (?:chosen )?face and .*", "{1} 帧中有 {0} 帧没有（所选的）人脸，这些帧保持不变。"),
    (
        r"(\d+) of (\d+) frames show a face whose mouth or eyes lie outside .*",
        "{1} 帧中有 {0} 帧的嘴或眼睛在画面之外，这些帧保持不变。",
    ),
    (r"at (\S+) frames a second a mouth cannot follow speech; .*", "每秒只有 {0} 帧，嘴部跟不上语音。"),
    (r"the picture was made (\d+) times smaller, .*", "画面超过本页面的上限，已缩小到 1/{0}。"),
    (r"of (.+) only the first ([\d.]+) s are used; .*", "{0} 只使用前 {1} 秒，因为实时需要把所有帧放在内存里。"),
    (r"a picture of (\d+)x(\d+) pixels is too small .*", "{0}×{1} 的画面太小，放不下可见标签，请换一张更大的。"),
    (r"the speech in (.+) is very quiet .*", "{0} 中的声音很小；嘴部按放大后的声音动作，声音本身不变。"),
    (r'visible label "(.+)"', "画面上的可见标签“{0}”"),
    (r"IPTC digital source type \(xmp\)", "IPTC 数字来源类型（XMP）"),
    (r"IPTC digital source type \(container\)", "IPTC 数字来源类型（容器元数据）"),
    (r"signed content credentials \(C2PA\)", "已签名的内容凭证（C2PA）"),
)
# Languages as Chinese speakers call them, by espeak-ng's code; others keep their English names.
_TONGUES = {
    "cmn": "普通话", "yue": "粤语", "en-us": "英语（美国）", "en-gb": "英语（英国）", "ja": "日语", "ko": "韩语",
    "fr-fr": "法语", "de": "德语", "es": "西班牙语", "es-419": "西班牙语（拉美）", "it": "意大利语", "pt": "葡萄牙语",
    "pt-br": "葡萄牙语（巴西）", "ru": "俄语", "ar": "阿拉伯语", "hi": "印地语", "vi": "越南语", "id": "印尼语",
    "tr": "土耳其语", "nl": "荷兰语", "pl": "波兰语", "uk": "乌克兰语", "sv": "瑞典语", "el": "希腊语",
    "he": "希伯来语",
}  # fmt: skip


class Words:
    """The texts of one language: ``words["make"]``, ``words("waiting", 2)``."""

    def __init__(self, code: str) -> None:
        self.code = code if code in LANGUAGES else "en"
        self._which = list(LANGUAGES).index(self.code)

    def __getitem__(self, key: str) -> str:
        return _WORDS[key][self._which]

    def __call__(self, key: str, *values: object, **named: object) -> str:
        """A text with these values put in."""
        return self[key].format(*values, **named)

    def stage(self, name: str) -> str:
        """A stage of a dub; its own name where it has no other."""
        return self[name] if name in _WORDS else name

    def sentence(self, text: str, otherwise: str = "{}") -> str:
        """A sentence of the kit; in Chinese one that says the same, if there is one, or else `otherwise` with it."""
        if self.code == "zh":
            for pattern, chinese in _SENTENCES:
                if found := re.fullmatch(pattern, text, re.DOTALL):
                    return chinese.format(*found.groups())
        return otherwise.format(text)

    def error(self, text: str) -> str:
        """An error of the kit, as a sentence that begins with a capital letter, unless that is a name's."""
        said = self.sentence(text, self["error_other"])
        return said[:1].upper() + said[1:] if said.partition(" ")[0].isalpha() else said

    def tongue(self, code: str, name: str) -> str:
        """A language, by espeak-ng's code and name."""
        return _TONGUES.get(code, name) if self.code == "zh" else name


def all_keys() -> set[str]:
    """The names of all texts."""
    return set(_WORDS)
