"""Which modules an instance loads. Named one by one: a start then takes a fraction of a second's loading."""

_PJSIP = """
res_sorcery_config res_sorcery_memory res_sorcery_astdb res_timing_timerfd res_crypto res_pjproject res_pjsip
res_pjsip_session res_pjsip_acl res_pjsip_caller_id res_pjsip_dlg_options res_pjsip_dtmf_info res_pjsip_empty_info
res_pjsip_endpoint_identifier_ip res_pjsip_endpoint_identifier_user res_pjsip_authenticator_digest
res_pjsip_outbound_authenticator_digest res_pjsip_header_funcs res_pjsip_logger res_pjsip_maintenance res_pjsip_nat
res_pjsip_path res_pjsip_pubsub res_pjsip_registrar res_pjsip_sdp_rtp res_rtp_asterisk chan_pjsip
func_pjsip_aor func_pjsip_contact func_pjsip_endpoint
"""

_MEDIA = """
bridge_builtin_features bridge_builtin_interval_features bridge_holding bridge_native_rtp bridge_simple bridge_softmix
chan_bridge_media codec_alaw codec_gsm codec_resample codec_ulaw format_gsm format_pcm format_sln format_wav
res_convert res_musiconhold
"""

_ARI = """
res_http_websocket res_websocket_client res_stasis res_stasis_answer res_stasis_device_state res_stasis_playback
res_stasis_recording res_stasis_snoop app_stasis res_ari_model res_ari res_ari_applications res_ari_asterisk
res_ari_bridges res_ari_channels res_ari_device_states res_ari_endpoints res_ari_events res_ari_playbacks
res_ari_recordings res_ari_sounds
"""

_DIALPLAN = """
pbx_config app_dial app_exec app_playback app_playtones app_senddtmf app_read app_stack app_verbose app_while
app_originate app_userevent app_waitforsilence app_echo
func_callerid func_channel func_cut func_db func_devstate func_dialplan func_env func_global func_groupcount
func_hangupcause func_logic func_math func_module func_rand func_sprintf func_strings func_talkdetect func_timeout
func_uri func_uuid res_clioriginate
"""

_PBX = """
res_pjsip_rfc3326 res_pjsip_diversion res_speech res_agi app_amd app_queue app_voicemail func_extstate pbx_spool
"""

PHONES = tuple(f"{_PJSIP} {_MEDIA} {_ARI} {_DIALPLAN}".split())
"""What plays the phones. It sends no Reason header (RFC 3326): its SIP responses alone must speak."""

PBX = tuple(f"{_PJSIP} {_MEDIA} {_ARI} {_DIALPLAN} {_PBX}".split())
"""What an ordinary PBX has loaded, as far as callbackd can tell."""


def modules_conf(names: tuple[str, ...]) -> str:
    """The text of a ``modules.conf`` that loads just these."""
    return "\n".join(["[modules]", "autoload=no", *(f"load={name}.so" for name in names), ""])
