from __future__ import annotations

import io
import struct
from contextlib import suppress
from fractions import Fraction
from functools import cache

import av
import cv2
import numpy as np
import pytest
from clips import Making, clip, number_of, numbered

from regard.domain.videos import Span
from regard.media import clip as clip_door
from regard.media.clip import open_clip
from regard.media.frames import Frame, Sound, UnreadableVideo

DECODERS = ("av", "opencv")
COUNT = 200
OPEN_GROUPS = {"preset": "fast", "g": "50", "x264-params": "bframes=3:b-adapt=0:open-gop=1:scenecut=0"}
MAKINGS = {
    "h264": Making(),
    "h264 with open groups and B-frames": Making(options=OPEN_GROUPS),
    "29.97 frames a second": Making(rate=Fraction(30_000, 1001)),
    "one key frame only": Making(options={"preset": "ultrafast", "g": "9999"}),
    "hevc": Making(codec="libx265", options={"preset": "ultrafast", "x265-params": "log-level=none:keyint=50"}),
    "matroska": Making(container="matroska"),
    "transport stream": Making(container="mpegts"),
    "transport stream with B-frames": Making(container="mpegts", options=OPEN_GROUPS),
    "transport stream, hevc": Making(
        container="mpegts",
        codec="libx265",
        options={"preset": "ultrafast", "x265-params": "log-level=none:keyint=25"},
    ),
    "transport stream, mpeg2": Making(container="mpegts", codec="mpeg2video", options={"bf": "2"}),
    "avi, mpeg4": Making(container="avi", codec="mpeg4", options={}),
    "avi, mpeg4 with B-frames": Making(container="avi", codec="mpeg4", options={"bf": "2"}),
    "avi, h264 with B-frames": Making(container="avi", options=OPEN_GROUPS),
    "av1": Making(codec="libsvtav1", options={"preset": "12", "g": "50", "svtav1-params": "lp=1"}),
    "mov, mjpeg": Making(container="mov", codec="mjpeg", pixels="yuvj420p", options={}),
    "webm, vp9": Making(container="webm", codec="libvpx-vp9", options={"deadline": "realtime", "cpu-used": "8"}),
    "webm, vp8": Making(container="webm", codec="libvpx", options={"deadline": "realtime", "cpu-used": "8"}),
    "10 bits": Making(pixels="yuv420p10le"),
    "hevc of 10 bits": Making(
        codec="libx265",
        pixels="yuv420p10le",
        options={"preset": "ultrafast", "x265-params": "log-level=none:keyint=50"},
    ),
    "4:4:4": Making(pixels="yuv444p"),
    "4:2:2 of 10 bits, prores": Making(container="mov", codec="prores_ks", pixels="yuv422p10le", options={}),
    "with alpha": Making(container="mov", codec="prores_ks", pixels="yuva444p10le", options={}),
    "interlaced": Making(options={"preset": "ultrafast", "g": "25", "x264-params": "tff=1"}),
    "rgb": Making(container="matroska", codec="ffv1", pixels="bgr0", options={}),
    "an edit list": Making(options=OPEN_GROUPS, muxing={"use_editlist": "1"}),
    "times below zero": Making(
        times=tuple(90 * (40 * at - 400) for at in range(COUNT)),
        muxing={"avoid_negative_ts": "disabled", "use_editlist": "0"},
    ),
    "fragments": Making(muxing={"movflags": "frag_keyframe+empty_moov"}),
}


#: What OpenCV 5.0 cannot do, though it does not always say so.
NOT_BY_OPENCV = {
    "interlaced": "cannot convert interlaced frames, and does not say so",
    "av1": "has no decoder of AV1 but the machine's own",
    "avi, mpeg4 with B-frames": "tells the first frame of such an AVI a frame or two late",
    "avi, h264 with B-frames": "tells the first frame of such an AVI a frame or two late",
}


def frames_of(data: bytes, decoder: str = "av", span: Span | None = None) -> list[tuple[int, int]]:
    """Time and number of each frame, span by span."""
    with open_clip(io.BytesIO(data), decoder) as opened:
        spans = [span] if span else opened.spans(2)
        return [(frame.at, number_of(frame.luma())) for each in spans for frame in pictures(opened.read(each))]


def pictures(read: object) -> list[Frame]:
    return [each for each in read if not isinstance(each, Sound)]  # type: ignore[attr-defined]


@cache
def made(name: str) -> bytes:
    """Encoded once for all decoders."""
    return clip(numbered(COUNT), MAKINGS[name])


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("name", MAKINGS)
@pytest.mark.slow
def test_every_frame_is_in_one_span_once_at_its_time_rounded_down(name: str, decoder: str) -> None:
    if decoder == "opencv" and name in NOT_BY_OPENCV:
        pytest.skip(f"OpenCV 5.0 {NOT_BY_OPENCV[name]}")
    making, found = MAKINGS[name], frames_of(made(name), decoder)
    assert [number for _, number in found] == list(range(COUNT))
    times = [int(number * 1000 / making.rate) for number in range(COUNT)]
    # Matroska and AVI round times by themselves, to the nearest millisecond.
    assert np.abs(np.array([at for at, _ in found]) - times).max() <= 1
    if making.container == "mp4":
        assert [at for at, _ in found] == times


def test_frame_299_of_a_drop_frame_video_is_at_9976_as_at_aws() -> None:
    data = clip(numbered(302), Making(rate=Fraction(30_000, 1001)))
    assert {number: at for at, number in frames_of(data)}[299] == 9976


def test_spans_begin_at_key_frames_about_as_far_apart_as_asked() -> None:
    with open_clip(io.BytesIO(clip(numbered(COUNT)))) as opened:
        assert opened.spans(2) == [
            Span(from_ms=0, to_ms=2000),
            Span(from_ms=2000, to_ms=4000),
            Span(from_ms=4000, to_ms=6000),
            Span(from_ms=6000),
        ]
        assert opened.spans(60) == [Span()]
    with open_clip(io.BytesIO(clip(numbered(COUNT), MAKINGS["one key frame only"]))) as opened:
        assert opened.spans(2) == [Span()]


def test_frames_at_odd_times_are_where_they_are_and_the_first_is_at_0() -> None:
    times = tuple(90_000 + 90 * at for at in (0, 7, 33, 500, 501, 2400, 2407, 5000))
    for container in ("mp4", "matroska", "mpegts"):
        data = clip(numbered(len(times)), Making(container=container, times=times))
        assert [at for at, _ in frames_of(data)] == [0, 7, 33, 500, 501, 2400, 2407, 5000]


@pytest.mark.parametrize("decoder", DECODERS)
def test_two_recordings_in_one_stream_are_shown_one_after_the_other(decoder: str) -> None:
    """The times of the second begin again."""
    recording = clip(numbered(COUNT), Making(container="mpegts"))
    found = frames_of(recording * 2, decoder)
    assert [number for _, number in found] == [*range(COUNT), *range(COUNT)]
    assert [at for at, _ in found] == list(range(0, 2 * COUNT * 40, 40))


def test_frames_without_times_are_shown_one_after_the_other() -> None:
    """Matroska's reader knows no times before the first of its clock's."""
    early = tuple(90 * (40 * at - 400) for at in range(COUNT))
    making = Making(container="matroska", times=early, muxing={"avoid_negative_ts": "disabled"})
    found = frames_of(clip(numbered(COUNT), making), "av", Span())
    assert found == [(40 * number, number) for number in range(COUNT)]


def test_a_video_is_described_in_awss_words() -> None:
    making = Making(rate=Fraction(30_000, 1001), spoken=[0.5] * 60, full_range=True, pixels="yuvj420p")
    with open_clip(io.BytesIO(clip(numbered(60), making))) as opened:
        metadata = opened.metadata
    assert (metadata.codec, metadata.format) == ("h264", "QuickTime / MOV")
    assert (metadata.width, metadata.height, metadata.full_range) == (128, 96, True)
    assert metadata.rate == pytest.approx(29.97, abs=0.001)
    assert metadata.duration_ms == 2002
    (audio,) = metadata.audio
    assert (audio.codec, audio.rate, audio.channels) == ("aac", 48_000, 1)
    assert audio.duration_ms == pytest.approx(2002, abs=50)


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("turned", [90, 180, -90])
def test_a_turned_video_is_upright(turned: int, decoder: str) -> None:
    upright = np.zeros((96, 128, 3), np.uint8)
    upright[:48, :64] = 255  # the upper left quarter
    stored = np.rot90(upright, -turned // 90)
    data = clip([stored] * 3, Making(turned=turned))
    with open_clip(io.BytesIO(data), decoder) as opened:
        frame = pictures(opened.read(Span()))[0]
        assert (opened.metadata.width, opened.metadata.height) == (frame.width, frame.height) == (128, 96)
        assert np.abs(frame.rgb(128).astype(int) - upright).mean() < 10
        assert frame.rgb(32).shape == (24, 32, 3)


@pytest.mark.parametrize("decoder", DECODERS)
def test_pixels_that_are_not_square_are_made_so(decoder: str) -> None:
    with open_clip(io.BytesIO(clip(numbered(3), Making(stretch=Fraction(4, 3)))), decoder) as opened:
        frame = pictures(opened.read(Span()))[0]
    assert (frame.width, frame.height) == (171, 96)
    assert frame.rgb(4000).shape == (96, 171, 3)


@pytest.mark.parametrize("decoder", DECODERS)
def test_colours_are_right(decoder: str) -> None:
    red = np.zeros((720, 1280, 3), np.uint8)
    red[..., 0] = 220
    with open_clip(io.BytesIO(clip([red] * 2)), decoder) as opened:
        pixels = pictures(opened.read(Span()))[0].rgb(64)
    assert pixels[10, 10, 0] > 200
    assert pixels[10, 10, 1:].max() < 60


def test_luma_is_as_coded_to_the_last_bit() -> None:
    planes = np.full((144, 128), 128, np.uint8)
    planes[:96] = 59
    lossless = {"preset": "ultrafast", "qp": "0"}
    with open_clip(io.BytesIO(clip([planes] * 3, Making(options=lossless)))) as opened:
        assert all((frame.luma() == 59).all() for frame in pictures(opened.read(Span())))


def test_sound_is_heard_where_it_is() -> None:
    loud = [0.5] * 50 + [0.0] * 50
    with open_clip(io.BytesIO(clip(numbered(100), Making(spoken=loud)))) as opened:
        sounds = [each for each in opened.read(Span(), sound=True) if isinstance(each, Sound)]
    assert all(sound.level > 0.2 for sound in sounds if 100 < sound.from_ms < 1900)
    assert all(sound.level < 0.001 for sound in sounds if sound.from_ms > 2100)
    assert sounds[-1].to_ms >= 3950


# -- what is damaged ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("share", [0.9, 0.99])
def test_a_video_cut_short_is_read_as_far_as_it_goes(share: float, decoder: str) -> None:
    data = clip(numbered(COUNT), Making(muxing={"movflags": "faststart"}))
    found = [number for _, number in frames_of(data[: int(len(data) * share)], decoder)]
    assert found == list(range(len(found)))
    assert len(found) > COUNT // 2


def test_an_encrypted_video_is_refused_or_damaged_in_almost_every_frame() -> None:
    """Encrypting begins with a number that is drawn: so is whether one of the first frames passes for one."""
    hidden = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": "76" * 16, "encryption_kid": "a7" * 16}
    video = io.BytesIO(clip(numbered(COUNT), Making(muxing=hidden)))
    with suppress(UnreadableVideo), open_clip(video) as opened:
        pictures(opened.read(Span()))
        assert opened.damaged > 0.9 * (opened.decoded + opened.lost)


def test_flipped_bytes_cost_frames_and_not_the_video() -> None:
    rng, data = np.random.default_rng(3), bytearray(clip(numbered(COUNT), Making(container="matroska")))
    for place in rng.integers(2000, len(data), 100):
        data[place] ^= 255
    with open_clip(io.BytesIO(bytes(data))) as opened:
        read = pictures(opened.read(Span()))
        assert len(read) > COUNT // 2
        assert opened.damaged
        assert opened.decoded == len(read)


def test_what_is_all_noise_counts_as_damaged() -> None:
    good = clip(numbered(COUNT), Making(muxing={"movflags": "faststart"}, options={"preset": "ultrafast", "g": "10"}))
    start = good.index(b"mdat") + 4
    first = start + 4 + 3000  # the first frame stays, or it would be refused when it is opened
    noise = np.random.default_rng(1).integers(0, 256, len(good) - first, np.uint8).tobytes()
    with open_clip(io.BytesIO(good[:first] + noise)) as opened:
        frames = pictures(opened.read(Span()))
        assert opened.damaged > opened.decoded / 2 or len(frames) < COUNT / 2
        assert opened.damaged > COUNT / 2


def test_a_size_that_changes_on_the_way_is_followed() -> None:
    target = io.BytesIO()
    with av.open(target, "w", format="matroska") as output:
        stream = output.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuvj420p"
        for number in range(20):
            shape = (96, 128) if number < 10 else (192, 256)
            _, jpeg = cv2.imencode(".jpg", np.full((*shape, 3), 100, np.uint8))
            packet = av.Packet(jpeg.tobytes())
            packet.stream, packet.pts, packet.dts = stream, number * 40, number * 40
            packet.time_base, packet.is_keyframe = Fraction(1, 1000), True
            output.mux(packet)
    with open_clip(io.BytesIO(target.getvalue())) as opened:
        assert [frame.width for frame in pictures(opened.read(Span()))] == [128] * 10 + [256] * 10


@pytest.mark.parametrize("container", ["mp4", "matroska", "avi", "mpegts"])
def test_whatever_is_wrong_with_a_file_it_is_read_or_refused(container: str) -> None:
    codec = {"codec": "mpeg4", "options": {}} if container == "avi" else {}
    data = clip(numbered(30, 64, 48), Making(container=container, spoken=[0.1] * 30, **codec))
    rng, ends = np.random.default_rng(4), set()
    for _ in range(40):
        spoiled = bytearray(data[: int(rng.integers(20, 2 * len(data)))])
        for place in rng.integers(12, min(len(spoiled), int(rng.choice([300, len(data)]))), 20):
            spoiled[place] = rng.integers(256)
        try:
            with open_clip(io.BytesIO(bytes(spoiled)), "av") as opened:
                for span in opened.spans(0.4):
                    pictures(opened.read(span, sound=True))
            ends.add("read")
        except UnreadableVideo:
            ends.add("refused")
    assert ends == {"read", "refused"}


# -- what is refused ---------------------------------------------------------------------------------------------------


def iso_box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", 8 + len(body)) + kind + body


def audio_only() -> bytes:
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as output:
        sound = output.add_stream("aac", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 48_000
        output.mux(sound.encode(frame))
        output.mux(sound.encode(None))
    return target.getvalue()


def moov_missing() -> bytes:
    data = clip(numbered(30))
    return data[: data.index(b"moov") - 4]


def many_tracks() -> bytes:
    data = clip(numbered(3))
    start = data.index(b"moov") - 4
    moov = data[start:]
    at = moov.index(b"trak") - 4
    trak = moov[at : at + struct.unpack(">I", moov[at : at + 4])[0]]
    body = moov[8:at] + trak * 10_000 + moov[at + len(trak) :]
    return data[:start] + iso_box(b"moov", body)


def many_frames(box: bytes, *numbers: int) -> bytes:
    """A video one of whose tables says that it is of a thousand million frames."""
    data = bytearray(clip(numbered(30)))
    start = data.index(box) + 8
    struct.pack_into(f">{len(numbers)}I", data, start, *numbers)
    return bytes(data)


def declared(width: int, height: int) -> bytes:
    """A video whose container and whose pictures say another size than they have pixels for."""
    making = Making(container="matroska", codec="mjpeg", pixels="yuvj420p", options={})
    data = clip([np.zeros((256, 256, 3), np.uint8)] * 3, making)
    for said in (b"\xb0\x82%b\xba\x82%b", b"\xff\xc0\x00\x11\x08%b%b"):  # Matroska's elements, and JPEG's
        old, new = said % (b"\1\0", b"\1\0"), said % (struct.pack(">H", width), struct.pack(">H", height))
        assert old in data
        data = data.replace(old, new)
    return data


PICTURE = np.zeros((16, 16, 3), np.uint8)
REFUSED = {
    "nothing": b"",
    "16 bytes": b"\0\0\0\x10ftypisom\0\0\0\0",
    "no moov": moov_missing(),
    "sound only": audio_only(),
    "a list of other files": b"ffconcat version 1.0\nfile one.mp4\n",
    "a list of other files, as text may begin": b"#EXTM3U\n#EXTINF:1,\none.ts\n",
    "a description of streams": b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5000 RTP/AVP 96\n",
    "a picture": cv2.imencode(".png", PICTURE)[1].tobytes(),
    "an animated picture": clip([PICTURE] * 3, Making(container="gif", codec="gif", pixels="rgb8", options={})),
    "text": b"This is no video. " * 100,
    "10,000 tracks": many_tracks(),
    "a thousand million frames": many_frames(b"stsz", 0, 10**9),
    "a thousand million frames of one byte": many_frames(b"stsz", 1, 10**9),
    "16k x 16k": declared(16_384, 16_384),
    "no codec we decode": clip([PICTURE] * 3, Making(container="mov", codec="qtrle", pixels="rgb24", options={})),
    "longer than six hours": clip(numbered(2), Making(container="matroska", times=(0, 7 * 3600 * 90_000))),
}


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_video_or_a_monstrous_one_is_refused(name: str, decoder: str) -> None:
    with pytest.raises(UnreadableVideo), open_clip(io.BytesIO(REFUSED[name]), decoder) as opened:
        pictures(opened.read(Span()))


@pytest.mark.slow
def test_more_frames_a_second_than_cameras_take_are_refused() -> None:
    data = clip(numbered(4000, 32, 32), Making(times=tuple(range(4000))))
    with open_clip(io.BytesIO(data)) as opened, pytest.raises(UnreadableVideo, match="frames a second"):
        pictures(opened.read(Span()))


def test_a_missing_decoder_is_named_with_the_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clip_door, "find_spec", lambda _: None)
    assert clip_door.chosen("auto") == "opencv"
    with pytest.raises(Exception, match=r"regard\[video\]"):
        clip_door.chosen("av")


def test_each_decoder_says_its_licence() -> None:
    assert "x264" in clip_door.about("av")
    assert "LGPL" in clip_door.about("opencv")
